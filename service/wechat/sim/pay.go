package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The paths of WeChat Pay that are simulated; a fault names them so, braces included.
const (
	pathPrepay      = "/v3/pay/transactions/jsapi"
	pathTradeByNo   = "/v3/pay/transactions/out-trade-no/{out_trade_no}"
	pathTradeByID   = "/v3/pay/transactions/id/{transaction_id}"
	pathClose       = "/v3/pay/transactions/out-trade-no/{out_trade_no}/close"
	pathRefunds     = "/v3/refund/domestic/refunds"
	pathRefund      = "/v3/refund/domestic/refunds/{out_refund_no}"
	pathTradeBill   = "/v3/bill/tradebill"
	pathDownload    = "/v3/billdownload/file"
	endpointNotify  = "notify" // not a path: the platform's own call of a notify_url
	payPrefix       = "/v3/"
	unpaidLife      = 7 * 24 * time.Hour
	prepayLife      = 2 * time.Hour
	currencyCNY     = "CNY"
	typeTransaction = "JSAPI"
)

// The states of a trade and of a refund that are kept. An expired order is closed without being told so, and a paid
// one answers stateRefunded as soon as a refund was accepted.
const (
	stateUnpaid   = "NOTPAY"
	statePaid     = "SUCCESS"
	stateClosed   = "CLOSED"
	stateRefunded = "REFUND"

	refundProcessing = "PROCESSING"
	refundDone       = "SUCCESS"
	refundClosed     = "CLOSED"
	refundAbnormal   = "ABNORMAL"
)

// china is where the platform cuts its days.
var china = time.FixedZone("CST", 8*3600)

// payments is the side of WeChat Pay. Its lock is held while the state file is written, so that the file tells things
// in the order they happened; never while a notification is on its way.
type payments struct {
	platform *Platform
	merchant *Merchant

	mu    sync.Mutex
	state payState
}

type payState struct {
	orders  map[string]*order // by out_trade_no
	refunds map[string]*refund
	notices []*notice // undelivered, oldest first
	bills   bills
}

type order struct {
	OutTradeNo    string    `json:"out_trade_no"`
	Asked         prepaying `json:"asked"` // the first time; another must be the same
	CreatedAt     time.Time `json:"created_at"`
	ExpiresAt     time.Time `json:"expires_at"`
	Prepaid       []prepaid `json:"prepaid"`
	State         string    `json:"state"`
	TransactionID string    `json:"transaction_id,omitempty"`
	PaidAt        time.Time `json:"paid_at"`
}

// prepaid is a prepay_id that was given out for an order.
type prepaid struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

type refund struct {
	OutRefundNo string    `json:"out_refund_no"`
	OutTradeNo  string    `json:"out_trade_no"`
	RefundID    string    `json:"refund_id"`
	Asked       refunding `json:"asked"`
	State       string    `json:"state"`
	CreatedAt   time.Time `json:"created_at"`
	DoneAt      time.Time `json:"done_at"`
}

func newPayments(p *Platform, m *Merchant) *payments {
	y := &payments{platform: p, merchant: m}
	y.state.forget()
	for _, r := range m.kept {
		y.state.apply(r)
	}
	return y
}

func (s *payState) forget() {
	*s = payState{orders: map[string]*order{}, refunds: map[string]*refund{}}
}

// apply makes what r says the state of things.
func (s *payState) apply(r record) {
	switch {
	case r.Reset:
		s.forget()
	case r.Order != nil:
		s.orders[r.Order.OutTradeNo] = r.Order
	case r.Refund != nil:
		s.refunds[r.Refund.OutRefundNo] = r.Refund
	case r.Notice != nil:
		at := slices.IndexFunc(s.notices, func(n *notice) bool { return n.ID == r.Notice.ID })
		switch {
		case at >= 0 && r.Notice.Done:
			s.notices = slices.Delete(s.notices, at, at+1)
		case at >= 0:
			s.notices[at] = r.Notice
		case !r.Notice.Done:
			s.notices = append(s.notices, r.Notice)
		}
	}
}

// keep writes records down and then applies them; nothing happens when they can't be written. The caller holds mu.
// Records are copies, never what the state holds already.
func (y *payments) keep(records ...record) error {
	if y.merchant.file != nil {
		if err := appendRecords(y.merchant.file, records...); err != nil {
			return err
		}
	}
	for _, r := range records {
		y.state.apply(r)
	}
	return nil
}

func (y *payments) reset() {
	y.mu.Lock()
	defer y.mu.Unlock()
	_ = y.keep(record{Reset: true}) // a disk that is full can't be told so
	y.state.forget()
}

// now is the platform's clock, in China, cut as its answers show it.
func (y *payments) now() time.Time { return y.platform.cfg.Now().In(china).Truncate(time.Second) }

// stateAt is the state of an order for someone who asks at this moment.
func (o *order) stateAt(now time.Time) string {
	if o.State == stateUnpaid && !now.Before(o.ExpiresAt) {
		return stateClosed
	}
	return o.State
}

// refundsOf returns the refunds of an order, oldest first. The caller holds mu.
func (s *payState) refundsOf(outTradeNo string) []*refund {
	var out []*refund
	for _, r := range s.refunds {
		if r.OutTradeNo == outTradeNo {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *refund) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.OutRefundNo, b.OutRefundNo)
	})
	return out
}

// routes are the paths that a platform with a merchant serves besides.
func (y *payments) routes() map[string]route {
	return map[string]route{
		pathPrepay:    {http.MethodPost, y.signed(y.prepay)},
		pathTradeByNo: {http.MethodGet, y.signed(y.tradeByNo)},
		pathTradeByID: {http.MethodGet, y.signed(y.tradeByID)},
		pathClose:     {http.MethodPost, y.signed(y.closeOrder)},
		pathRefunds:   {http.MethodPost, y.signed(y.refund)},
		pathRefund:    {http.MethodGet, y.signed(y.refundByNo)},
		pathTradeBill: {http.MethodGet, y.signed(y.tradeBill)},
		pathDownload:  {http.MethodGet, y.unsigned(y.download)},
	}
}

func isPay(path string) bool { return strings.HasPrefix(path, payPrefix) }

// endpointOf finds the endpoint a path belongs to, and what stands in its braces.
func endpointOf(path string) (endpoint, arg string) {
	if !isPay(path) {
		return path, ""
	}
	for _, e := range []string{pathClose, pathTradeByNo, pathTradeByID, pathRefund} {
		before, rest, _ := strings.Cut(e, "{")
		_, after, _ := strings.Cut(rest, "}")
		arg, ok := strings.CutPrefix(path, before)
		if !ok {
			continue
		}
		if arg, ok = strings.CutSuffix(arg, after); ok && arg != "" && !strings.Contains(arg, "/") {
			return e, arg
		}
	}
	return path, ""
}

// digest is a value that looks random and is the same for the same parts, so that no id depends on how often the
// process was started.
func digest(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprintln(parts...)))
	return hex.EncodeToString(sum[:])
}

// digits are the decimal digits of a digest.
func digits(n int, parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprintln(parts...)))
	out := make([]byte, n)
	for i := range out {
		out[i] = '0' + sum[i%len(sum)]%10
	}
	return string(out)
}
