package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"zhibu/model"
	"zhibu/service/dues"
)

func (s *server) orderRoutes() []route {
	const tag = "dues"
	return []route{
		{method: http.MethodPost, path: "/me/dues/orders", role: mini, name: "order-my-dues", tag: tag, status: http.StatusCreated,
			summary: "用微信支付缴纳", mount: handle(s.orderDues), watched: true},
		{method: http.MethodGet, path: "/me/dues/orders", role: mini, name: "list-my-dues-orders", tag: tag,
			summary: "我的支付订单", mount: handle(s.listOrders)},
		{method: http.MethodGet, path: "/me/dues/orders/{order_no}", role: mini, name: "read-my-dues-order", tag: tag,
			summary: "支付结果，以微信支付为准", mount: handle(s.readOrder)},
		{method: http.MethodPost, path: "/me/dues/orders/{order_no}/close", role: mini, name: "close-my-dues-order", tag: tag,
			summary: "关闭不再支付的订单", mount: handle(s.closeOrder), watched: true},
		{method: http.MethodPost, path: "/dues/orders/{order_no}/refund", role: admin, name: "refund-dues-order", tag: tag,
			summary: "退款", mount: handle(s.refundOrder), watched: true},
		{method: http.MethodPost, path: "/dues/reconciliations", role: admin, name: "reconcile-dues", tag: tag, status: http.StatusCreated,
			summary: "与微信支付某日账单逐笔核对", mount: handle(s.reconcileDues), watched: true},
		{method: http.MethodGet, path: "/dues/reconciliations", role: admin, name: "list-dues-reconciliations", tag: tag,
			summary: "历次核对", mount: handle(s.listReconciliations)},
	}
}

type orderDuesInput struct {
	OnceInput
	Body struct {
		Months       []model.Month `json:"months" maxItems:"24" doc:"YYYY-MM, in order"`
		VoluntaryFen model.Fen     `json:"voluntary_fen,omitempty" doc:"on top of what the months owe (自愿多交)"`
		Track        model.Track   `json:"track,omitempty" enum:"party,league" doc:"needed only where you owe on both"`
	}
}

type orderBody struct {
	OrderNo      string                    `json:"order_no"`
	State        model.OrderState          `json:"state" enum:"created,paid,closed,refunding,refunded"`
	AmountFen    model.Fen                 `json:"amount_fen" doc:"what is paid, the voluntary part included"`
	VoluntaryFen model.Fen                 `json:"voluntary_fen"`
	RefundedFen  model.Fen                 `json:"refunded_fen"`
	Months       []model.Month             `json:"months"`
	Track        model.Track               `json:"track" enum:"party,league"`
	CreatedAt    *time.Time                `json:"created_at"`
	ExpiresAt    *time.Time                `json:"expires_at"`
	PaidAt       *time.Time                `json:"paid_at"`
	PayParams    nullable[model.PayParams] `json:"pay_params" doc:"for wx.requestPayment; null once it cannot be paid any more"`
}

func orderBodyOf(o model.Order) (orderBody, error) {
	b := orderBody{
		OrderNo: o.OrderNo, State: o.State, AmountFen: o.Total(), VoluntaryFen: o.VoluntaryFen, RefundedFen: o.RefundedFen,
		Months: o.MonthList(), Track: o.Track, CreatedAt: stamp(o.CreatedAt), ExpiresAt: stamp(o.ExpiresAt), PaidAt: stamp(o.PaidAt),
	}
	if o.State == model.OrderCreated && o.PayParams != "" {
		params := &model.PayParams{}
		if err := json.Unmarshal([]byte(o.PayParams), params); err != nil {
			return b, err
		}
		b.PayParams = orNull(params)
	}
	return b, nil
}

type orderOutput struct{ Body orderBody }

func renderOrder(o model.Order, err error) (*orderOutput, error) {
	if err != nil {
		return nil, err
	}
	b, err := orderBodyOf(o)
	return &orderOutput{Body: b}, err
}

func (s *server) orderDues(ctx context.Context, in *orderDuesInput) (*orderOutput, error) {
	return renderOrder(s.Dues.Order(ctx, actorOf(ctx), dues.Checkout(in.Body), in.once(in.Body)))
}

type ordersOutput struct {
	Body struct {
		Items      []orderBody `json:"items"`
		NextCursor *string     `json:"next_cursor"`
	}
}

func (s *server) listOrders(ctx context.Context, in *PageInput) (*ordersOutput, error) {
	page, next, err := s.Dues.Orders(ctx, actorOf(ctx), in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &ordersOutput{}
	out.Body.Items, out.Body.NextCursor = make([]orderBody, len(page)), cursor(next)
	for i, o := range page {
		if out.Body.Items[i], err = orderBodyOf(o); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// OrderInput names an order.
type OrderInput struct {
	OrderNo string `path:"order_no" maxLength:"32" pattern:"^[0-9A-Za-z_-]+$"`
}

func (s *server) readOrder(ctx context.Context, in *OrderInput) (*orderOutput, error) {
	return renderOrder(s.Dues.LookUpOrder(ctx, actorOf(ctx), in.OrderNo))
}

func (s *server) closeOrder(ctx context.Context, in *OrderInput) (*orderOutput, error) {
	return renderOrder(s.Dues.CancelOrder(ctx, actorOf(ctx), in.OrderNo))
}

type refundOrderInput struct {
	OrderInput
	OnceInput
	Body struct {
		AmountFen model.Fen `json:"amount_fen"`
		Reason    string    `json:"reason" maxLength:"80"`
	}
}

type refundOutput struct {
	Body struct {
		OrderNo     string            `json:"order_no"`
		State       model.OrderState  `json:"state" enum:"created,paid,closed,refunding,refunded" doc:"of the order"`
		RefundNo    string            `json:"refund_no"`
		RefundState model.RefundState `json:"refund_state" enum:"PROCESSING,SUCCESS,CLOSED,ABNORMAL"`
		AmountFen   model.Fen         `json:"amount_fen"`
		RefundedFen model.Fen         `json:"refunded_fen" doc:"of the order, so far"`
	}
}

func (s *server) refundOrder(ctx context.Context, in *refundOrderInput) (*refundOutput, error) {
	o, r, err := s.Dues.Refund(ctx, actorOf(ctx), in.OrderNo, in.Body.AmountFen, in.Body.Reason, in.once(in.OrderNo, in.Body))
	if err != nil {
		return nil, err
	}
	out := &refundOutput{}
	b := &out.Body
	b.OrderNo, b.State, b.RefundNo, b.RefundState, b.AmountFen, b.RefundedFen = o.OrderNo, o.State, r.RefundNo, r.State, r.AmountFen, o.RefundedFen
	return out, nil
}

type reconcileInput struct {
	Body struct {
		Date model.Date `json:"date" format:"date" doc:"yesterday or earlier, three months back at most"`
	}
}

type reconciliationBody struct {
	ID          int64             `json:"id"`
	Date        *string           `json:"date"`
	Matched     int               `json:"matched"`
	Differences []dues.Difference `json:"differences"`
	CreatedAt   *time.Time        `json:"created_at"`
}

func reconciliationBodyOf(c dues.Compared) reconciliationBody {
	return reconciliationBody{ID: c.ID, Date: day(c.Day), Matched: c.Matched, Differences: c.Differences, CreatedAt: stamp(c.CreatedAt)}
}

type reconciliationOutput struct{ Body reconciliationBody }

func (s *server) reconcileDues(ctx context.Context, in *reconcileInput) (*reconciliationOutput, error) {
	c, err := s.Dues.Reconcile(ctx, actorOf(ctx), in.Body.Date)
	if err != nil {
		return nil, err
	}
	return &reconciliationOutput{Body: reconciliationBodyOf(c)}, nil
}

type reconciliationsOutput struct {
	Body struct {
		Items      []reconciliationBody `json:"items"`
		NextCursor *string              `json:"next_cursor"`
	}
}

func (s *server) listReconciliations(ctx context.Context, in *PageInput) (*reconciliationsOutput, error) {
	page, next, err := s.Dues.Reconciliations(ctx, actorOf(ctx), in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &reconciliationsOutput{}
	out.Body.Items, out.Body.NextCursor = make([]reconciliationBody, len(page)), cursor(next)
	for i, c := range page {
		out.Body.Items[i] = reconciliationBodyOf(c)
	}
	return out, nil
}

// payNoticePath is where WeChat Pay sends its notifications.
const payNoticePath = basePath + "/wechat/pay/notify"

// noticeTimeout is within the five seconds in which WeChat Pay wants its answer; then it asks again.
const noticeTimeout = 4 * time.Second

// newNoticeLimit bounds how many refused notifications are recorded: anybody on the internet can send one.
func newNoticeLimit() *rate.Limiter { return rate.NewLimiter(1, 60) }

// mountPayNotice adds the call-back of WeChat Pay. Its body is signed as it is, so nothing reads it before the SDK does.
func (s *server) mountPayNotice(r *gin.Engine) { r.POST(payNoticePath, s.acceptPayNotice) }

// acceptPayNotice answers 204 when the notification is booked, or was before; anything else makes WeChat Pay send it again.
func (s *server) acceptPayNotice(c *gin.Context) {
	if s.PayNotice == nil {
		answerProblem(c, problemOf(c, http.StatusNotFound, "not_found", "没有这个地址"))
		return
	}
	notice, err := s.PayNotice(c.Request)
	if err != nil {
		code := model.ErrNotify.Code
		if e := model.AsError(err); e != nil {
			code = e.Code
		}
		s.Logger.WarnContext(c.Request.Context(), "a payment notification was refused", "request_id", requestIDOf(c.Request.Context()), "error", err)
		s.refuseNotice(c, code)
		failNotice(c, http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), noticeTimeout)
	defer cancel()
	if err := s.Dues.Accept(ctx, notice); err != nil {
		failNotice(c, s.problem(c.Request.Context(), err).Status)
		return
	}
	c.Status(http.StatusNoContent)
}

// failNotice answers as the platform asks for it: an error status, and this body.
func failNotice(c *gin.Context, status int) {
	c.AbortWithStatusJSON(status, gin.H{"code": "FAIL", "message": "失败"})
}

func (s *server) refuseNotice(c *gin.Context, code string) {
	if s.Dues == nil || !s.notices.AllowN(s.Now(), 1) {
		return
	}
	ctx := context.WithoutCancel(c.Request.Context())
	if err := s.Dues.RefuseNotice(ctx, code); err != nil {
		s.Logger.ErrorContext(ctx, "a refused notification was not recorded", "error", err)
	}
}
