package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"zhibu/model"
	"zhibu/service/signin"
)

func (s *server) signinRoutes() []route {
	const tag = "signin"
	return []route{
		{method: http.MethodPost, path: "/auth/wechat", role: public, name: "sign-in-wechat", tag: tag,
			summary: "微信登录", mount: handle(s.signInWeChat)},
		{method: http.MethodPost, path: "/auth/password", role: public, name: "sign-in-password", tag: tag,
			summary: "管理台账号登录", mount: handle(s.signInPassword)},
		{method: http.MethodPost, path: "/auth/bind", role: session, name: "bind", tag: tag,
			summary: "绑定身份：姓名和手机号，或姓名和邀请码", mount: handle(s.bind)},
		{method: http.MethodPost, path: "/auth/refresh", role: public, name: "refresh", tag: tag,
			summary: "换新的登录凭证", mount: handle(s.refresh)},
		{method: http.MethodPost, path: "/auth/logout", role: session, name: "logout", tag: tag,
			summary: "退出登录", mount: handle(s.logout)},
		{method: http.MethodGet, path: "/me", role: session, name: "read-me", tag: tag,
			summary: "我是谁", mount: handle(s.readMe)},
		{method: http.MethodGet, path: "/me/data", role: mini, name: "export-my-data", tag: tag,
			summary: "导出我的个人信息", mount: handle(s.exportMyData)},
		{method: http.MethodDelete, path: "/me/data", role: mini, name: "erase-my-data", tag: tag, also: http.StatusAccepted,
			summary: "申请注销并删除我的个人信息", mount: handle(s.eraseMyData)},
		{method: http.MethodPost, path: "/members/{id}/invite", role: org, name: "invite-member", tag: tag, status: http.StatusCreated,
			summary: "发邀请码", mount: handle(s.inviteMember)},
		{method: http.MethodDelete, path: "/members/{id}/wechat", role: org, name: "unbind-member", tag: tag,
			summary: "解除微信绑定（手机丢失或更换）", mount: handle(s.unbindMember)},
	}
}

type signedInOutput struct {
	Body struct {
		AccessToken  string                 `json:"access_token"`
		RefreshToken string                 `json:"refresh_token" doc:"serves once; to use it again ends the session"`
		TokenType    string                 `json:"token_type" enum:"Bearer"`
		ExpiresIn    int                    `json:"expires_in" doc:"seconds"`
		Member       nullable[signedMember] `json:"member" doc:"null while the WeChat is not bound, and for a console account"`
	}
}

type signedMember struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

func signedMemberOf(m *model.Member) *signedMember {
	if m == nil {
		return nil
	}
	return &signedMember{ID: m.ID, Name: m.Name}
}

func renderSignedIn(in signin.SignedIn, err error) (*signedInOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &signedInOutput{}
	out.Body.AccessToken, out.Body.RefreshToken, out.Body.TokenType = in.AccessToken, in.RefreshToken, "Bearer"
	out.Body.ExpiresIn, out.Body.Member = int(in.ExpiresIn/time.Second), orNull(signedMemberOf(in.Member))
	return out, nil
}

// anonymous is who calls a public operation: nobody, but with the request's id for the audit.
func anonymous(ctx context.Context) model.Actor { return model.Actor{RequestID: requestIDOf(ctx)} }

type signInWeChatInput struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"128" doc:"of wx.login"`
	}
}

func (s *server) signInWeChat(ctx context.Context, in *signInWeChatInput) (*signedInOutput, error) {
	return renderSignedIn(s.SignIn.WeChat(ctx, anonymous(ctx), in.Body.Code))
}

type signInPasswordInput struct {
	Body struct {
		Username string `json:"username" minLength:"1" maxLength:"64"`
		Password string `json:"password" minLength:"1" maxLength:"200"`
	}
	address string
}

// Resolve takes the client's address, which the lock-out counts.
func (in *signInPasswordInput) Resolve(c huma.Context) []error {
	in.address = humagin.Unwrap(c).ClientIP()
	return nil
}

func (s *server) signInPassword(ctx context.Context, in *signInPasswordInput) (*signedInOutput, error) {
	return renderSignedIn(s.SignIn.Password(ctx, anonymous(ctx), in.Body.Username, in.Body.Password, in.address))
}

type bindInput struct {
	Body struct {
		Name       string `json:"name" minLength:"1" maxLength:"100"`
		PhoneCode  string `json:"phone_code,omitempty" maxLength:"512" doc:"of the button getPhoneNumber"`
		InviteCode string `json:"invite_code,omitempty" maxLength:"40" doc:"from the branch, instead of phone_code"`
	}
}

func (s *server) bind(ctx context.Context, in *bindInput) (*signedInOutput, error) {
	return renderSignedIn(s.SignIn.Bind(ctx, actorOf(ctx), signin.Claim(in.Body)))
}

type refreshInput struct {
	Body struct {
		RefreshToken string `json:"refresh_token" minLength:"1" maxLength:"100"`
	}
}

func (s *server) refresh(ctx context.Context, in *refreshInput) (*signedInOutput, error) {
	return renderSignedIn(s.SignIn.Refresh(ctx, anonymous(ctx), in.Body.RefreshToken))
}

func (s *server) logout(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, s.SignIn.Logout(ctx, actorOf(ctx))
}

type invitationOutput struct {
	Body struct {
		InviteCode string     `json:"invite_code" doc:"shown once; serves once"`
		ExpiresAt  *time.Time `json:"expires_at"`
	}
}

func (s *server) inviteMember(ctx context.Context, in *IDInput) (*invitationOutput, error) {
	made, err := s.SignIn.Invite(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	out := &invitationOutput{}
	out.Body.InviteCode, out.Body.ExpiresAt = made.Code, stamp(made.ExpiresAt)
	return out, nil
}

type unbindInput struct {
	IDInput
	Reason string `query:"reason" maxLength:"200"`
}

func (s *server) unbindMember(ctx context.Context, in *unbindInput) (*struct{}, error) {
	return nil, s.SignIn.Unbind(ctx, actorOf(ctx), in.ID, in.Reason)
}
