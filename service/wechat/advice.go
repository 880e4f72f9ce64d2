package wechat

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
)

var refusedIP = regexp.MustCompile(`invalid ip ([0-9a-fA-F.:]+)`)

// advice tells the operator what to do about a refusal that lies in the settings, "" when it does not.
func (e *PlatformError) advice() string {
	switch e.Code {
	case 40013, 41002:
		return "AppID 无效：请核对小程序后台「开发管理 → 开发设置」中的 AppID"
	case 40125, 41004:
		return "AppSecret 不正确：请在小程序后台「开发管理 → 开发设置」核对或重置 AppSecret，并更新本系统的设置"
	case 40164:
		return fmt.Sprintf("服务器出口 IP%s 不在白名单：请把它加入小程序后台「开发管理 → 开发设置 → IP 白名单」", e.ip())
	case 89503:
		return "此 IP 的调用需要小程序管理员在微信中确认"
	case 89506:
		return "小程序管理员拒绝了此 IP 的调用：请管理员确认，24 小时后再试"
	case 89507:
		return "小程序管理员拒绝了此 IP 的调用：请管理员确认，1 小时后再试"
	case 48001, 50002, 61004:
		return "小程序没有此接口的权限或已被限制：请在小程序后台查看接口权限与账号状态"
	case 41030:
		return "小程序码或消息所指的页面不在已发布的版本中：请先发布该页面"
	case 40037:
		return "订阅消息的模板不存在或已被删除：请在小程序后台「订阅消息」核对模板"
	case 43107:
		return "订阅消息的能力或此模板已被封禁：请在小程序后台查看原因并申诉"
	case 45168:
		return "消息命中敏感词：请修改文字后重新发送"
	case 47003:
		return "消息的内容不符合模板字段的规则：请核对模板与字段的对应"
	case 45009:
		return "今天的调用次数已用完：请明天再试，或在小程序后台清零"
	case 45011, -1:
		return "微信服务繁忙：请一分钟后再试"
	}
	return ""
}

func (e *PlatformError) ip() string {
	if m := refusedIP.FindStringSubmatch(e.Msg); m != nil {
		return " " + m[1]
	}
	return ""
}

// adviceFor is advice for whatever kept Ping from its token.
func adviceFor(err error) string {
	var p *PlatformError
	if errors.As(err, &p) {
		if advice := p.advice(); advice != "" {
			return advice
		}
		return fmt.Sprintf("微信拒绝签发 access_token（errcode %d）：请查阅微信的错误码说明", p.Code)
	}
	var u *url.Error
	if errors.As(err, &u) {
		return "连不上 " + platformHost + "：请检查服务器的网络、DNS、防火墙和代理"
	}
	return platformHost + " 的答复不像来自微信：请检查网络中的代理或网关"
}
