package signin

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
	"gorm.io/gorm"

	"zhibu/model"
)

// Password signs a console account in. Five failures within fifteen minutes, of the account or from the address, lock
// that account or address out (ErrLockedOut, DOMAIN.md §19.3), the right password included. Whether the account or
// the password is wrong, neither the answer nor its time tells. The address may be empty.
func (s *Service) Password(ctx context.Context, actor model.Actor, username, password, address string) (SignedIn, error) {
	username = cleanUsername(username)
	byAccount := s.subject("account", username)
	subjects := []string{byAccount}
	if address != "" {
		subjects = append(subjects, s.subject("address", address))
	}
	ids, err := s.attempt(ctx, passwordLimit, subjects...)
	if err != nil {
		return SignedIn{}, err
	}
	account, err := s.checkPassword(ctx, username, password)
	if err != nil {
		return SignedIn{}, err
	}
	now := model.At(s.now())
	var in SignedIn
	err = s.db.Write(ctx, func(tx *gorm.DB) (err error) {
		if err := forgive(tx, byAccount, ids); err != nil {
			return err
		}
		session := model.Session{AccountID: &account.ID, MemberID: account.MemberID}
		if in, err = s.open(tx, session, now); err != nil {
			return err
		}
		who := model.Actor{AccountID: account.ID, Name: account.Username, RequestID: actor.RequestID}
		return model.Audit(tx, who, now, model.Deed{Action: "session.sign_in", SubjectID: account.ID})
	})
	return in, err
}

func (s *Service) checkPassword(ctx context.Context, username, password string) (model.Account, error) {
	dummy, err := s.dummyHash() // before it is known whether there is such an account
	if err != nil {
		return model.Account{}, err
	}
	var accounts []model.Account
	if err := s.db.Read(ctx).Where("username = ? AND disabled_at = 0", username).Find(&accounts).Error; err != nil {
		return model.Account{}, err
	}
	if len(accounts) == 0 || len(password) > maxPasswordBytes {
		accounts = []model.Account{{PasswordHash: string(dummy)}}
		password = ""
	}
	if bcrypt.CompareHashAndPassword([]byte(accounts[0].PasswordHash), []byte(password)) != nil {
		return model.Account{}, ErrWrongCredentials
	}
	return accounts[0], nil
}

// cleanUsername is the form in which usernames are kept and compared.
func cleanUsername(username string) string { return strings.ToLower(strings.TrimSpace(username)) }

// maxPasswordBytes is where bcrypt stops reading.
const maxPasswordBytes = 72

// NewPassword is a password to be set: a Password, or a DemoPassword.
type NewPassword interface{ check() (string, error) }

// Password is one a person chose: at least ten characters of three classes (DOMAIN.md §19.3, administrators), and at
// most 72 bytes.
type Password string

// DemoPassword is set without asking whether it is strong. It is for the demo's accounts and for nothing else.
type DemoPassword string

func (p DemoPassword) check() (string, error) { return string(p), nil }

func (p Password) check() (string, error) {
	switch {
	case utf8.RuneCountInString(string(p)) < 10 || classes(string(p)) < 3:
		return "", model.InvalidField("password", "too_weak", "密码至少 10 位，须包含大写字母、小写字母、数字、符号中的三种")
	case len(p) > maxPasswordBytes:
		return "", model.InvalidField("password", "too_long", "密码太长，最多 72 个字节（约 24 个汉字）")
	}
	return string(p), nil
}

// classes counts how many of lower case, upper case, digit and other the password has; a letter without case is other.
func classes(password string) int {
	var lower, upper, digit, other int
	for _, r := range password {
		switch {
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			other = 1
		}
	}
	return lower + upper + digit + other
}

// SetPassword replaces the password of a console account and ends its sessions; no such account is ErrNotFound.
func (s *Service) SetPassword(ctx context.Context, username string, password NewPassword) error {
	hash, err := s.hash(password)
	if err != nil {
		return err
	}
	return s.changeAccount(ctx, username, "account.password", map[string]any{"password_hash": hash})
}

// DisableAccount ends a console account and its sessions for good; no such account is ErrNotFound.
func (s *Service) DisableAccount(ctx context.Context, username string) error {
	return s.changeAccount(ctx, username, "account.disable", map[string]any{"disabled_at": model.At(s.now())})
}

func (s *Service) changeAccount(ctx context.Context, username, action string, columns map[string]any) error {
	now := model.At(s.now())
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		var accounts []model.Account
		if err := tx.Where("username = ? AND disabled_at = 0", cleanUsername(username)).Find(&accounts).Error; err != nil {
			return err
		}
		if len(accounts) == 0 {
			return model.ErrNotFound
		}
		if err := tx.Model(&model.Account{}).Where("id = ?", accounts[0].ID).Updates(columns).Error; err != nil {
			return err
		}
		if _, err := revoke(tx, now, action, "account_id = ?", accounts[0].ID); err != nil {
			return err
		}
		return model.Audit(tx, model.Actor{}, now, model.Deed{Action: action, SubjectID: accounts[0].ID})
	})
}

func (s *Service) hash(password NewPassword) (string, error) {
	text, err := password.check()
	if err != nil {
		return "", err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(text), s.bcryptCost)
	return string(hash), err
}

// CreateAccount makes a console account that administers the unit and all below it, or everything without one. Behind an
// account for a unit stands a member, so that he cannot record for himself; one over everything may be nobody's. It is
// called from the command line, where there is no actor. A username in use is ErrAccountExists, no such unit or member
// ErrNotFound.
func (s *Service) CreateAccount(
	ctx context.Context, username string, password NewPassword, unitID, memberID *int64,
) (model.Account, error) {
	username = cleanUsername(username)
	unfit := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	if n := utf8.RuneCountInString(username); n < 2 || n > 64 || strings.ContainsFunc(username, unfit) {
		return model.Account{}, model.InvalidField("username", "invalid_value", "用户名须为 2 至 64 个字，不含空格")
	}
	if unitID != nil && memberID == nil {
		return model.Account{}, model.InvalidField("member_id", "required", "单位的账号须指明使用账号的同志")
	}
	hash, err := s.hash(password)
	if err != nil {
		return model.Account{}, err
	}
	now := model.At(s.now())
	var account model.Account
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		var unit model.Unit
		if err := take(tx, &unit, unitID); err != nil {
			return err
		}
		if err := take(tx.Where("erased_at = 0"), &model.Member{}, memberID); err != nil {
			return err
		}
		account = model.Account{
			ID: model.NewID(), Username: username, PasswordHash: hash, UnitID: unitID, MemberID: memberID, CreatedAt: now,
		}
		if err := tx.Create(&account).Error; err != nil {
			return err
		}
		return model.Audit(tx, model.Actor{}, now, model.Deed{
			Action: "account.create", Unit: unit, SubjectID: account.ID, After: map[string]*int64{"member_id": memberID},
		})
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return model.Account{}, ErrAccountExists
	}
	return account, err
}

// take reads the row with the id, if there is one to read; a missing row is ErrNotFound.
func take(tx *gorm.DB, row any, id *int64) error {
	if id == nil {
		return nil
	}
	err := tx.Take(row, *id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return model.ErrNotFound
	}
	return err
}
