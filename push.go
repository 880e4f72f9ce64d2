package main

import (
	"fmt"
	"time"

	"zhibu/api"
	"zhibu/config"
	"zhibu/model"
	"zhibu/service/push"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

// eventPath is where the platform pushes its events, behind this server's public address.
const eventPath = "/api/v1/wechat/events"

// newPush makes what says things to members: with the configured templates, or those of the demo.
func (s *server) newPush(platform *wechat.Client, w wiring) (*push.Service, error) {
	templates := w.templates
	if templates == nil {
		var err error
		if templates, err = push.ParseTemplates(s.PushTemplates); err != nil {
			return nil, fmt.Errorf("ZHIBU_PUSH_TEMPLATES: %w", err)
		}
	}
	return push.New(s.db, time.Now, platform, push.Config{
		Templates: templates, PerSecond: s.PushPerSecond, InFlight: s.PushInFlight, NamesDrilldown: s.On("names_drilldown"), Logger: s.log,
	}), nil
}

// newReceiver opens what the platform pushes; nil without a token and a key for it.
func newReceiver(c config.Config) (api.EventReceiver, error) {
	if c.WechatToken == "" {
		return nil, nil
	}
	return wechat.NewReceiver(wechat.ReceiverConfig{
		AppID: c.WechatAppID, Token: c.WechatToken, EncodingAESKey: c.WechatAESKey, Now: time.Now,
	})
}

// simTemplates are the templates as the simulated platform has them.
func simTemplates(templates []model.PushTemplate) []sim.Template {
	onPlatform := make([]sim.Template, len(templates))
	for i, t := range templates {
		fields := make([]sim.Field, len(t.Fields))
		for n, f := range t.Fields {
			fields[n] = sim.Field{Key: f.Key, Name: f.Name, Enum: f.Enum}
		}
		onPlatform[i] = sim.Template{ID: t.TemplateID, Title: t.Title, LongTerm: t.LongTerm, Fields: fields}
	}
	return onPlatform
}
