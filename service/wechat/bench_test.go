package wechat

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"zhibu/model"
	"zhibu/service/wechat/sim"
)

// BenchmarkSend sends through the transport in the same process, to one of ten thousand persons each.
func BenchmarkSend(b *testing.B) {
	for _, tc := range []struct {
		latency time.Duration
		flights int // of each processor
	}{{0, 1}, {20 * time.Millisecond, 100}} {
		b.Run(fmt.Sprint(tc.latency), func(b *testing.B) {
			const people = 10_000
			p := sim.New(sim.Config{
				AppID: appID, AppSecret: secret, Templates: simTemplates(), Latency: tc.latency, JournalSize: -1,
				Events: &sim.EventConfig{URL: eventsURL, Token: pushToken, EncodingAESKey: pushKey},
			})
			for i := range people {
				if err := p.Subscribe("oMember"+strconv.Itoa(i), longTerm, true); err != nil {
					b.Fatal(err)
				}
			}
			c, _ := newClient(b, p.Transport(), nil)
			var next atomic.Int64
			b.SetParallelism(tc.flights)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, err := c.Send(b.Context(), model.PushMessage{
						OpenID: "oMember" + strconv.FormatInt(next.Add(1)%people, 10), TemplateID: longTerm, Page: "pages/home",
						Data: map[string]string{"thing1": "支部党员大会"},
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
		})
	}
}

// BenchmarkEvents delivers accepts of ten thousand persons to a Receiver that does nothing with them.
func BenchmarkEvents(b *testing.B) {
	const people = 10_000
	r, err := NewReceiver(ReceiverConfig{AppID: appID, Token: pushToken, EncodingAESKey: pushKey})
	if err != nil {
		b.Fatal(err)
	}
	p := sim.New(sim.Config{
		AppID: appID, AppSecret: secret, Templates: simTemplates(),
		Events: &sim.EventConfig{URL: eventsURL, Token: pushToken, EncodingAESKey: pushKey},
		Deliver: roundTripper(func(req *http.Request) (*http.Response, error) {
			if _, err := r.Parse(req); err != nil {
				return answering(http.StatusBadRequest, "")(req)
			}
			return answering(http.StatusOK, "success")(req)
		}),
	})
	for i := range b.N {
		if err := p.Subscribe("oMember"+strconv.Itoa(i%people), once, true); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	if n := p.DeliverDue(context.Background()); n != b.N {
		b.Errorf("%d of %d taken", n, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
