package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"zhibu/model"
	"zhibu/service/dues"
)

func (s *server) paymentRoutes() []route {
	const tag = "dues"
	return []route{
		{method: http.MethodPost, path: "/units/{id}/dues/payments", role: org, name: "record-dues-payment", tag: tag, status: http.StatusCreated,
			summary: "登记现金、转账缴纳（不能为本人登记）", mount: handle(s.recordPayment), watched: true},
		{method: http.MethodGet, path: "/units/{id}/dues/payments", role: org, name: "list-dues-payments", tag: tag,
			summary: "缴纳记录", mount: handle(s.listPayments)},
		{method: http.MethodPost, path: "/dues/payments/{id}/reverse", role: org, name: "reverse-dues-payment", tag: tag,
			summary: "冲正登记有误的缴纳", mount: handle(s.reversePayment), watched: true},
		{method: http.MethodPost, path: "/units/{id}/dues/handovers", role: org, name: "hand-over-dues", tag: tag, status: http.StatusCreated,
			summary: "移交现金，或存入银行", mount: handle(s.handOverDues), watched: true},
		{method: http.MethodPost, path: "/units/{id}/dues/remittances", role: org, name: "remit-dues", tag: tag, status: http.StatusCreated,
			summary: "登记上缴", mount: handle(s.remitDues), watched: true},
		{method: http.MethodGet, path: "/units/{id}/dues/remittances", role: org, name: "list-dues-remittances", tag: tag,
			summary: "上缴记录", mount: handle(s.listRemittances)},
		{method: http.MethodPost, path: "/dues/remittances/{id}/reverse", role: org, name: "reverse-dues-remittance", tag: tag,
			summary: "冲正登记有误的上缴", mount: handle(s.reverseRemittance), watched: true},
		{method: http.MethodPut, path: "/dues/remittances/{id}/receipt", role: org, name: "enter-dues-receipt", tag: tag,
			summary: "补登党费收据", mount: handle(s.enterReceipt), watched: true},
	}
}

// OnceInput is what makes a request safe to repeat.
type OnceInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"100" pattern:"^[!-~]+$" doc:"the same key and body answer the first result again"`
}

// once is the key with a digest of the request.
func (in OnceInput) once(request ...any) model.Once {
	if in.IdempotencyKey == "" {
		return model.Once{}
	}
	text, _ := json.Marshal(request) // request structs of this package
	sum := sha256.Sum256(text)
	return model.Once{Key: in.IdempotencyKey, Digest: hex.EncodeToString(sum[:])}
}

type recordPaymentInput struct {
	IDInput
	OnceInput
	Body struct {
		MemberID     int64           `json:"member_id" minimum:"1"`
		Months       []model.Month   `json:"months,omitempty" maxItems:"24" doc:"YYYY-MM, in order; may be left out where all of it is voluntary"`
		AmountFen    model.Fen       `json:"amount_fen" doc:"dues; what is more than the months owe waits for the months to come"`
		VoluntaryFen model.Fen       `json:"voluntary_fen,omitempty" doc:"on top of amount_fen (自愿多交)"`
		Method       model.PayMethod `json:"method" enum:"cash,bank"`
		PaidOn       model.Date      `json:"paid_on,omitempty" format:"date" doc:"today when absent"`
		ReceiptNo    string          `json:"receipt_no,omitempty" maxLength:"60"`
	}
}

type paidMonth struct {
	Month     model.Month `json:"month"`
	AmountFen model.Fen   `json:"amount_fen"`
}

type paymentBody struct {
	ID            int64           `json:"id"`
	UnitID        int64           `json:"unit_id" doc:"the branch"`
	MemberID      int64           `json:"member_id"`
	MemberName    *string         `json:"member_name,omitempty"`
	Track         model.Track     `json:"track" enum:"party,league"`
	Method        model.PayMethod `json:"method" enum:"cash,bank,wechat"`
	AmountFen     model.Fen       `json:"amount_fen"`
	VoluntaryFen  model.Fen       `json:"voluntary_fen"`
	CarriedFen    model.Fen       `json:"carried_fen" doc:"of the amount, what waits for the months to come"`
	Months        []paidMonth     `json:"months" doc:"what each month got"`
	PaidOn        *string         `json:"paid_on"`
	ReceiptNo     *string         `json:"receipt_no"`
	CollectedBy   *string         `json:"collected_by" doc:"null for WeChat Pay"`
	CreatedAt     *time.Time      `json:"created_at"`
	ReversedAt    *time.Time      `json:"reversed_at" doc:"null while it stands"`
	ReverseReason string          `json:"reverse_reason,omitempty"`
}

func paymentBodyOf(p dues.Paid) paymentBody {
	b := paymentBody{
		ID: p.ID, UnitID: p.UnitID, MemberID: p.MemberID, MemberName: orNil(p.MemberName), Track: p.Track, Method: p.Method,
		AmountFen: p.AmountFen, VoluntaryFen: p.VoluntaryFen, CarriedFen: p.AdvanceFen, Months: []paidMonth{}, PaidOn: day(p.PaidOn),
		ReceiptNo: p.ReceiptNo, CollectedBy: orNil(p.CollectedBy), CreatedAt: stamp(p.CreatedAt), ReversedAt: stamp(p.ReversedAt),
		ReverseReason: p.ReverseReason,
	}
	for _, g := range p.Gave {
		b.Months = append(b.Months, paidMonth{Month: g.Month, AmountFen: g.Fen})
	}
	return b
}

type paymentOutput struct{ Body paymentBody }

func renderPayment(p dues.Paid, err error) (*paymentOutput, error) {
	if err != nil {
		return nil, err
	}
	return &paymentOutput{Body: paymentBodyOf(p)}, nil
}

func (s *server) recordPayment(ctx context.Context, in *recordPaymentInput) (*paymentOutput, error) {
	return renderPayment(s.Dues.Pay(ctx, actorOf(ctx), in.ID, dues.Pay(in.Body), in.once(in.ID, in.Body)))
}

type listPaymentsInput struct {
	IDInput
	PageInput
	Year     int             `query:"year" minimum:"2000" maximum:"2099" doc:"paid on days of the year"`
	MemberID int64           `query:"member_id" minimum:"1"`
	Method   model.PayMethod `query:"method" enum:"cash,bank,wechat"`
}

type paymentsOutput struct {
	Body struct {
		Items      []paymentBody `json:"items"`
		NextCursor *string       `json:"next_cursor"`
	}
}

func (s *server) listPayments(ctx context.Context, in *listPaymentsInput) (*paymentsOutput, error) {
	page, next, err := s.Dues.Payments(ctx, actorOf(ctx), in.ID, dues.PaymentFilter{
		Year: in.Year, MemberID: in.MemberID, Method: in.Method, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &paymentsOutput{}
	out.Body.Items, out.Body.NextCursor = make([]paymentBody, len(page)), cursor(next)
	for i, p := range page {
		out.Body.Items[i] = paymentBodyOf(p)
	}
	return out, nil
}

func (s *server) reversePayment(ctx context.Context, in *ReasonInput) (*paymentOutput, error) {
	return renderPayment(s.Dues.Reverse(ctx, actorOf(ctx), in.ID, in.Body.Reason))
}

type handOverInput struct {
	IDInput
	OnceInput
	Body struct {
		FromMemberID int64     `json:"from_member_id,omitempty" minimum:"1" doc:"whose cash; my own when absent"`
		ToMemberID   int64     `json:"to_member_id,omitempty" minimum:"1" doc:"an officer who keeps the books; the bank account when absent"`
		AmountFen    model.Fen `json:"amount_fen"`
		Reason       string    `json:"reason,omitempty" maxLength:"200"`
	}
}

type handoverOutput struct {
	Body struct {
		ID        int64      `json:"id"`
		UnitID    int64      `json:"unit_id"`
		From      string     `json:"from" doc:"member:<id> or account:<id>"`
		To        *string    `json:"to" doc:"null: the bank account"`
		AmountFen model.Fen  `json:"amount_fen"`
		Reason    string     `json:"reason"`
		CreatedAt *time.Time `json:"created_at"`
	}
}

func (s *server) handOverDues(ctx context.Context, in *handOverInput) (*handoverOutput, error) {
	h, err := s.Dues.HandOver(ctx, actorOf(ctx), in.ID, dues.Handover(in.Body), in.once(in.ID, in.Body))
	if err != nil {
		return nil, err
	}
	out := &handoverOutput{}
	b := &out.Body
	b.ID, b.UnitID, b.From, b.To, b.AmountFen, b.Reason, b.CreatedAt = h.ID, h.UnitID, h.From, orNil(h.To), h.AmountFen, h.Reason, stamp(h.CreatedAt)
	return out, nil
}

type remitInput struct {
	IDInput
	OnceInput
	Body struct {
		Period    string     `json:"period" maxLength:"7" doc:"2026, 2026-H1, 2026-Q1 or 2026-01"`
		AmountFen model.Fen  `json:"amount_fen"`
		To        string     `json:"to" maxLength:"100" doc:"who received it; a unit above that is named by its name has it in its own books then"`
		PaidOn    model.Date `json:"paid_on,omitempty" format:"date" doc:"today when absent"`
		ReceiptNo string     `json:"receipt_no,omitempty" maxLength:"60" doc:"党费收据; may come later"`
	}
}

type remittanceBody struct {
	ID            int64      `json:"id"`
	UnitID        int64      `json:"unit_id"`
	Period        string     `json:"period"`
	AmountFen     model.Fen  `json:"amount_fen"`
	To            string     `json:"to"`
	ToUnitID      *int64     `json:"to_unit_id" doc:"null when it left the books kept here"`
	Heads         int        `json:"heads" doc:"members who had paid in the period"`
	PaidOn        *string    `json:"paid_on"`
	ReceiptNo     *string    `json:"receipt_no"`
	CreatedAt     *time.Time `json:"created_at"`
	ReversedAt    *time.Time `json:"reversed_at" doc:"null while it stands"`
	ReverseReason string     `json:"reverse_reason,omitempty"`
}

func remittanceBodyOf(r model.Remittance) remittanceBody {
	return remittanceBody{
		ID: r.ID, UnitID: r.UnitID, Period: r.Period, AmountFen: r.AmountFen, To: r.Recipient, ToUnitID: r.ToUnitID, Heads: r.Heads,
		PaidOn: day(r.PaidOn), ReceiptNo: r.ReceiptNo, CreatedAt: stamp(r.CreatedAt), ReversedAt: stamp(r.ReversedAt),
		ReverseReason: r.ReverseReason,
	}
}

type remittanceOutput struct{ Body remittanceBody }

func renderRemittance(r model.Remittance, err error) (*remittanceOutput, error) {
	if err != nil {
		return nil, err
	}
	return &remittanceOutput{Body: remittanceBodyOf(r)}, nil
}

func (s *server) remitDues(ctx context.Context, in *remitInput) (*remittanceOutput, error) {
	return renderRemittance(s.Dues.Remit(ctx, actorOf(ctx), in.ID, dues.Remit(in.Body), in.once(in.ID, in.Body)))
}

type listRemittancesInput struct {
	IDInput
	PageInput
	Year int `query:"year" minimum:"2000" maximum:"2099" doc:"for periods of the year"`
}

type remittancesOutput struct {
	Body struct {
		Items      []remittanceBody `json:"items"`
		NextCursor *string          `json:"next_cursor"`
	}
}

func (s *server) listRemittances(ctx context.Context, in *listRemittancesInput) (*remittancesOutput, error) {
	page, next, err := s.Dues.Remittances(ctx, actorOf(ctx), in.ID, in.Year, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &remittancesOutput{}
	out.Body.Items, out.Body.NextCursor = make([]remittanceBody, len(page)), cursor(next)
	for i, r := range page {
		out.Body.Items[i] = remittanceBodyOf(r)
	}
	return out, nil
}

func (s *server) reverseRemittance(ctx context.Context, in *ReasonInput) (*remittanceOutput, error) {
	return renderRemittance(s.Dues.ReverseRemittance(ctx, actorOf(ctx), in.ID, in.Body.Reason))
}

type enterReceiptInput struct {
	IDInput
	Body struct {
		ReceiptNo string `json:"receipt_no" maxLength:"60"`
	}
}

func (s *server) enterReceipt(ctx context.Context, in *enterReceiptInput) (*remittanceOutput, error) {
	return renderRemittance(s.Dues.EnterReceipt(ctx, actorOf(ctx), in.ID, in.Body.ReceiptNo))
}
