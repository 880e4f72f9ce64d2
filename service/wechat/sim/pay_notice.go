package sim

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"
)

const notifyPatience = 5 * time.Second

// notifyAgain are the pauses after a notification that was not taken: 24 hours and 4 minutes in all.
func notifyAgain() []time.Duration {
	const s, m, h = time.Second, time.Minute, time.Hour
	return []time.Duration{
		15 * s, 15 * s, 30 * s, 3 * m, 10 * m, 20 * m, 30 * m, 30 * m, 30 * m, 60 * m, 3 * h, 3 * h, 3 * h, 6 * h, 6 * h,
	}
}

// notice is a notification on its way: of a refund when OutRefundNo is not empty.
type notice struct {
	ID          string    `json:"id"`
	Event       string    `json:"event"`
	OutTradeNo  string    `json:"out_trade_no"`
	OutRefundNo string    `json:"out_refund_no,omitempty"`
	URL         string    `json:"url"`
	CreatedAt   time.Time `json:"created_at"`
	Attempts    int       `json:"attempts"`
	NextAt      time.Time `json:"next_at"`
	Done        bool      `json:"done,omitempty"` // delivered, given up, or lost

	sending bool
}

// newNotice is due at once. Without an address it is done before it began.
func newNotice(event, outTradeNo, outRefundNo, url string, now time.Time) *notice {
	id := digest(event, outTradeNo, outRefundNo, now.UnixMilli())
	return &notice{
		ID: id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:32], Event: event,
		OutTradeNo: outTradeNo, OutRefundNo: outRefundNo, URL: url, CreatedAt: now, NextAt: now, Done: url == "",
	}
}

func (y *payments) deliverDue(ctx context.Context) int {
	taken := 0
	for _, n := range y.due() {
		if ctx.Err() == nil && y.deliver(ctx, n.ID) {
			taken++
		}
	}
	return taken
}

func (y *payments) due() []notice {
	y.mu.Lock()
	defer y.mu.Unlock()
	var out []notice
	for _, n := range y.state.notices {
		if now := y.platform.cfg.Now(); !n.sending && !now.Before(n.NextAt) {
			out = append(out, *n)
		}
	}
	return out
}

// deliver makes one attempt and reports whether the notification was taken.
func (y *payments) deliver(ctx context.Context, id string) bool {
	n, ok := y.begin(id)
	if !ok {
		return false
	}
	fault := y.platform.takeFault(endpointNotify)
	if fault.NoNotify {
		n.Done = true
		y.end(n)
		return false
	}
	taken := false
	if !fault.LateNotify {
		taken = y.attempt(ctx, n, fault)
	}
	n.Done = taken
	if again := notifyAgain(); !taken && n.Attempts < len(again) {
		n.NextAt = y.platform.cfg.Now().Add(again[n.Attempts])
	} else if !taken {
		n.Done = true
	}
	n.Attempts++
	y.end(n)
	return taken
}

// begin takes a notification for oneself, so that two who deliver at once do not send it twice.
func (y *payments) begin(id string) (notice, bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, n := range y.state.notices {
		if n.ID == id && !n.sending {
			out := *n
			n.sending = true
			return out, true
		}
	}
	return notice{}, false
}

// end writes down what came of it. It replaces the notification, and thereby lets go of it; one that a reset has
// forgotten meanwhile stays forgotten.
func (y *payments) end(n notice) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, known := range y.state.notices {
		if known.ID == n.ID {
			known.sending = false
			_ = y.keep(record{Notice: &n}) // unwritten, it is sent again, which may happen anyway
			return
		}
	}
}

// attempt sends n, twice at once with that fault. One answer that takes it is enough.
func (y *payments) attempt(ctx context.Context, n notice, f Fault) bool {
	body := y.envelope(n, f)
	if body == nil {
		return false
	}
	times := 1
	if f.DuplicateNotify {
		times = 2
	}
	ctx, cancel := context.WithTimeout(ctx, notifyPatience)
	defer cancel()
	taken := make([]bool, times)
	var wg sync.WaitGroup
	for i := range taken {
		wg.Go(func() { taken[i] = y.post(ctx, n.URL, body, f) })
	}
	wg.Wait()
	for _, t := range taken {
		if t {
			return true
		}
	}
	return false
}

// post reports whether notify_url answered 200 or 204; what else it says does not matter.
func (y *payments) post(ctx context.Context, url string, body []byte, f Fault) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header = y.signature(body, f)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Mozilla/4.0")
	resp, err := y.platform.notifier.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxRequest)) // lets the connection be used again
	return resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNoContent
}

type envelope struct {
	ID           string   `json:"id"`
	CreateTime   string   `json:"create_time"`
	ResourceType string   `json:"resource_type"`
	EventType    string   `json:"event_type"`
	Summary      string   `json:"summary"`
	Resource     resource `json:"resource"`
}

type resource struct {
	OriginalType   string `json:"original_type"`
	Algorithm      string `json:"algorithm"`
	Ciphertext     string `json:"ciphertext"`
	AssociatedData string `json:"associated_data"`
	Nonce          string `json:"nonce"`
}

// envelope is the body of n, sealed, nil when the order is gone.
func (y *payments) envelope(n notice, f Fault) []byte {
	y.mu.Lock()
	defer y.mu.Unlock()
	o := y.state.orders[n.OutTradeNo]
	if o == nil {
		return nil
	}
	var content any = f.doctored(o.transaction(statePaid))
	kind, summary := "transaction", "支付成功"
	if n.OutRefundNo != "" {
		content = f.doctoredNews(y.state.refunds[n.OutRefundNo].news(o))
		kind, summary = "refund", "退款通知"
	}
	plain, err := json.Marshal(content)
	if err != nil {
		panic(err) // it is one of this package's own structs
	}
	body, err := json.Marshal(envelope{
		ID: n.ID, CreateTime: n.CreatedAt.In(china).Format(time.RFC3339), ResourceType: "encrypt-resource",
		EventType: n.Event, Summary: summary, Resource: y.merchant.seal(kind, plain),
	})
	if err != nil {
		panic(err) // likewise
	}
	return body
}

func (m *Merchant) seal(kind string, plain []byte) resource {
	block, err := aes.NewCipher([]byte(m.APIv3Key))
	if err != nil {
		panic(err) // the key is this package's own
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // likewise
	}
	nonce := randomHex(gcm.NonceSize() / 2)
	sealed := gcm.Seal(nil, []byte(nonce), plain, []byte(kind))
	return resource{
		OriginalType: kind, Algorithm: "AEAD_AES_256_GCM", AssociatedData: kind, Nonce: nonce,
		Ciphertext: base64.StdEncoding.EncodeToString(sealed),
	}
}
