package signin

import (
	"context"
	"errors"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// WeChat signs the person behind a code of wx.login in. Member is nil until the openid is bound; such a session
// serves to bind and to nothing else.
func (s *Service) WeChat(ctx context.Context, actor model.Actor, code string) (SignedIn, error) {
	openID, err := s.platform.OpenID(ctx, code)
	if err != nil {
		return SignedIn{}, err
	}
	now := model.At(s.now())
	var in SignedIn
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		session := model.Session{OpenID: openID}
		// The lock orders this against an unbinding, which must end the session or keep it from the member.
		bindings, err := openBindings(model.ForUpdate(tx), "openid = ?", openID)
		if err != nil {
			return err
		}
		if len(bindings) > 0 {
			session.MemberID = &bindings[0].MemberID
		}
		if in, err = s.open(tx, session, now); err != nil || in.Member == nil {
			return err
		}
		who := model.Actor{MemberID: in.Member.ID, Name: in.Member.Name, RequestID: actor.RequestID}
		return model.Audit(tx, who, now, model.Deed{Action: "session.sign_in", SubjectID: in.Member.ID})
	})
	return in, err
}

func openBindings(tx *gorm.DB, condition string, args ...any) ([]model.Binding, error) {
	var bindings []model.Binding
	err := tx.Where("unbound_at = 0").Where(condition, args...).Find(&bindings).Error
	return bindings, err
}

// Claim is who somebody says to be, with one of two proofs: the phone number WeChat vouches for, or a code the branch
// has handed out.
type Claim struct {
	Name       string
	PhoneCode  string
	InviteCode string
}

// Bind ties the actor's openid to the member of the roster that the claim proves, and answers a fresh pair of tokens;
// the other sessions of the openid carry the member too. One openid has one member and the reverse (DOMAIN.md §20
// no. 1, 5), kept by unique keys. To bind the same again succeeds. No match is ErrNotOnRoster, another binding of
// either side ErrAlreadyBound, the eleventh failure within an hour ErrTooManyBinds.
func (s *Service) Bind(ctx context.Context, actor model.Actor, c Claim) (SignedIn, error) {
	if actor.OpenID == "" {
		return SignedIn{}, model.ErrForbidden.Saying("只有微信登录才能绑定")
	}
	if err := c.check(); err != nil {
		return SignedIn{}, err
	}
	subject := s.subject("bind", actor.OpenID)
	ids, err := s.attempt(ctx, bindLimit, subject)
	if err != nil {
		return SignedIn{}, err
	}
	p, err := s.prove(ctx, actor, c)
	if err != nil {
		if e := model.AsError(err); e == nil || e.Kind != model.Invalid { // the platform's trouble is no guess
			err = errors.Join(err, s.forget(ctx, ids))
		}
		return SignedIn{}, err
	}
	var in SignedIn
	for range 2 { // who loses a race to a unique key looks again and finds the winner
		err = s.db.Write(ctx, func(tx *gorm.DB) (err error) {
			if in, err = s.bind(tx, actor, p); err != nil {
				return err
			}
			return forgive(tx, subject, ids)
		})
		if !errors.Is(err, gorm.ErrDuplicatedKey) && !errors.Is(err, errInviteSpent) {
			return in, err
		}
	}
	if errors.Is(err, errInviteSpent) {
		return SignedIn{}, ErrNotOnRoster
	}
	return SignedIn{}, ErrAlreadyBound
}

// errInviteSpent is an invite that was good at a first look and spent at the second: perhaps by this very claim, sent
// twice, which a new transaction can see.
var errInviteSpent = errors.New("the invite is spent")

func (c Claim) check() error {
	switch {
	case model.NameKey(c.Name) == "":
		return model.InvalidField("name", "required", "请填写姓名")
	case (c.PhoneCode == "") == (c.InviteCode == ""):
		return model.InvalidField("phone_code", "required", "请授权手机号，或填写邀请码，两者择一")
	}
	return nil
}

// proof is a claim as the database can answer it.
type proof struct {
	method    string
	nameKey   string
	phoneHash string
	codeHash  string
	memberID  int64 // of a repetition whose phone code is spent: the member the openid is bound to
}

// prove asks the platform for the phone number. A phone code serves once, so when a client repeats a binding whose
// answer got lost, the platform refuses it; then the binding itself is the proof.
func (s *Service) prove(ctx context.Context, actor model.Actor, c Claim) (proof, error) {
	p := proof{method: "invite", nameKey: model.NameKey(c.Name)}
	if c.InviteCode != "" {
		p.codeHash = s.inviteHash(c.InviteCode)
		return p, nil
	}
	p.method = "phone"
	number, err := s.platform.Phone(ctx, actor.OpenID, c.PhoneCode)
	if err != nil {
		if e := model.AsError(err); e == nil || e.Kind != model.Invalid {
			return p, err
		}
		bound, dbErr := openBindings(s.db.Read(ctx), "openid = ?", actor.OpenID)
		if dbErr != nil || len(bound) == 0 {
			return p, errors.Join(err, dbErr)
		}
		p.memberID = bound[0].MemberID
		return p, nil
	}
	phone, _ := model.CleanPhone(number)
	p.phoneHash = s.keys.Hash(model.PhoneColumn, phone)
	return p, nil
}

func (s *Service) bind(tx *gorm.DB, actor model.Actor, p proof) (SignedIn, error) {
	now := model.At(s.now())
	member, invite, err := findProven(tx, p, now)
	if err != nil {
		return SignedIn{}, err
	}
	bindings, err := openBindings(tx, "(openid = ? OR member_id = ?)", actor.OpenID, member.ID)
	if err != nil {
		return SignedIn{}, err
	}
	for _, b := range bindings {
		if b.OpenID != actor.OpenID || b.MemberID != member.ID {
			return SignedIn{}, ErrAlreadyBound
		}
	}
	if len(bindings) == 0 {
		if err := addBinding(tx, actor, member, invite, p.method, now); err != nil {
			return SignedIn{}, err
		}
	}
	return s.reissue(tx, actor.SessionID, now)
}

// findProven returns the member of the roster whom the proof names, and the invite used for it.
func findProven(tx *gorm.DB, p proof, now model.Instant) (model.Member, *model.Invite, error) {
	var invite *model.Invite
	query := tx.Where("members.name_key = ?", p.nameKey)
	switch {
	case p.memberID != 0:
		query = query.Where("members.id = ?", p.memberID)
	case p.method == "phone":
		query = query.Where("members.phone_hash = ?", p.phoneHash)
	default:
		var invites []model.Invite
		if err := tx.Where("code_hash = ?", p.codeHash).Find(&invites).Error; err != nil {
			return model.Member{}, nil, err
		}
		if len(invites) == 0 {
			return model.Member{}, nil, ErrNotOnRoster
		}
		invite = &invites[0]
		query = query.Where("members.id = ?", invite.MemberID)
	}
	var members []model.Member
	onRoster := tx.Model(&model.Membership{}).Scopes(model.OnRoster(now)).Select("member_id")
	if err := query.Where("members.id IN (?)", onRoster).Find(&members).Error; err != nil {
		return model.Member{}, nil, err
	}
	if len(members) == 0 {
		return model.Member{}, nil, ErrNotOnRoster
	}
	return members[0], invite, nil
}

func addBinding(tx *gorm.DB, actor model.Actor, member model.Member, invite *model.Invite, method string, now model.Instant) error {
	if invite != nil {
		use := tx.Model(&model.Invite{}).Where("id = ? AND used_at = 0 AND expires_at > ?", invite.ID, now).
			Update("used_at", now)
		if use.Error != nil {
			return use.Error
		}
		if use.RowsAffected == 0 {
			return errInviteSpent
		}
	}
	b := model.Binding{ID: model.NewID(), OpenID: actor.OpenID, MemberID: member.ID, Method: method, BoundAt: now}
	if err := tx.Create(&b).Error; err != nil {
		return err
	}
	err := tx.Model(&model.Session{}).Where("openid = ? AND revoked_at = 0", actor.OpenID).
		Update("member_id", member.ID).Error
	if err != nil {
		return err
	}
	unit, err := unitOf(tx, member.ID, now)
	if err != nil {
		return err
	}
	who := model.Actor{MemberID: member.ID, Name: member.Name, RequestID: actor.RequestID}
	return model.Audit(tx, who, now, model.Deed{
		Action: "member.bind", Unit: unit, SubjectID: member.ID, After: map[string]string{"method": method},
	})
}

// reissue answers a new pair for a session that goes on; the refresh token it had is used up with it.
func (s *Service) reissue(tx *gorm.DB, sessionID int64, now model.Instant) (SignedIn, error) {
	var session model.Session
	if err := tx.Take(&session, sessionID).Error; err != nil {
		return SignedIn{}, err
	}
	err := tx.Model(&model.RefreshToken{}).Where("session_id = ? AND used_at = 0", sessionID).Update("used_at", now).Error
	if err != nil {
		return SignedIn{}, err
	}
	return s.issue(tx, session, now)
}

// normalInvite undoes what people do to a code when they copy it by hand: the alphabet has no 0, 1 and 8.
var normalInvite = strings.NewReplacer("0", "O", "1", "I", "8", "B", " ", "", "-", "", "　", "")

func (s *Service) inviteHash(code string) string {
	return s.keys.Hash("invites.code", normalInvite.Replace(strings.ToUpper(code)))
}
