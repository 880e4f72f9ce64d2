package dues_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhibu/model"
	"zhibu/model/modeltest"
	"zhibu/service/dues"
)

// TestHistories runs 10,000 random operations over a tree of units, with faults of WeChat Pay in between: the trial
// balance stays at zero, at every level paid = in hand + remitted + refunded, and the statements say what the rows say.
func TestHistories(t *testing.T) {
	here, there := 50, 20
	if race {
		here, there = 2, 1
	}
	t.Run("sqlite", func(t *testing.T) { checkHistories(t, databases(t, modeltest.SQLite, 5), here) })
	t.Run("mariadb", func(t *testing.T) { checkHistories(t, databases(t, modeltest.MariaDB, 1000), there) })
}

const steps = 200 // of a history

func checkHistories(t *testing.T, database func() *model.DB, histories int) {
	keys, seen := modeltest.Keyring(t), map[string]int{}
	modeltest.Check(t, histories, func(rt *rapid.T) {
		h := newHistory(rt, newWorld(rt, database(), keys, "2026-02-20 09:00"), seen)
		for i := range steps {
			h.step(rt)
			if i%20 == 19 {
				h.checkBooks()
			}
		}
	})
	for _, o := range operations {
		if done := seen[o.name]; done == 0 && histories >= 50 && !testing.Short() {
			t.Errorf("%s never came off", o.name)
		}
	}
	t.Log(seen)
}

// history is a world in which things happen, and what they were, in order.
type history struct {
	*world
	ctx         context.Context
	people      []int64
	payments    []int64
	orders      []string // by number
	refunds     []string
	remittances []int64
	exemptions  []model.DuesExemption
	transfers   []int64
	seen        map[string]int
}

// operations are what may happen; what comes oftener has more weight.
var operations = []struct {
	name   string
	weight int
	do     func(*history, *rapid.T) error
}{
	{"pay", 12, (*history).paySome}, {"order", 6, (*history).orderSome}, {"phone", 8, (*history).payOrder},
	{"remit", 3, (*history).remitSome}, {"hand over", 3, (*history).handOver}, {"refund", 5, (*history).refundSome},
	{"assess", 3, (*history).assessSome}, {"bill", 4, (*history).billSome}, {"bill due", 1, (*history).billDue},
	{"reverse", 2, (*history).reverseSome}, {"cancel", 1, (*history).cancelSome},
	{"poll", 2, (*history).poll}, {"deliver", 2, (*history).deliver}, {"reconcile", 1, (*history).reconcile},
	{"finish refund", 3, (*history).finishRefund}, {"reverse remittance", 1, (*history).reverseRemittance},
	{"exempt", 3, (*history).exemptSome}, {"withdraw", 1, (*history).withdraw}, {"void", 2, (*history).voidSome},
	{"transfer", 3, (*history).transferSome}, {"cancel transfer", 1, (*history).cancelTransfer},
	{"wait", 6, (*history).wait},
}

func newHistory(t *rapid.T, w *world, seen map[string]int) *history {
	h := &history{world: w, ctx: context.Background(), seen: seen}
	for _, unit := range []string{"一支部", "一组", "二支部", "团支部", "团支部"} {
		h.people = append(h.people, h.enrol(unit))
	}
	both := enrolled(h.units["二支部"], h.people[4], "2026-01-01") // in the party and in the League
	h.add(&both)
	if rapid.Bool().Draw(t, "dues day") {
		h.setDuesDay(rapid.SampledFrom([]string{"党总支", "一支部", "二支部"}).Draw(t, "of"), "15")
	}
	for _, id := range h.people {
		for _, track := range []model.Track{model.Party, model.League} {
			amount := model.Fen(rapid.IntRange(1, 5).Draw(t, "yuan") * 100)
			_, err := h.one(t).Assess(h.ctx, chief(), id, dues.Assess{
				Track: track, Category: model.DuesSalaried, AmountFen: &amount, EffectiveMonth: "2026-01", KeepLeague: rapid.Bool().Draw(t, "keep"),
			})
			h.refused(err)
		}
	}
	return h
}

// step lets one thing happen. A refusal is one of our own, and never an accident.
func (h *history) step(t *rapid.T) {
	var weighted []int
	for i, o := range operations {
		weighted = append(weighted, slices.Repeat([]int{i}, o.weight)...)
	}
	o := operations[rapid.SampledFrom(weighted).Draw(t, "operation")]
	if err := o.do(h, t); !h.refused(err) {
		h.seen[o.name]++
	}
}

// errNothing says that there is nothing to do it to.
var errNothing = model.NewError(model.Conflict, "nothing", "")

func (h *history) refused(err error) bool {
	h.t.Helper()
	if e := model.AsError(err); err != nil && (e == nil || e.Kind == model.Internal || errors.Is(err, model.ErrMoved)) {
		h.t.Fatalf("an accident: %v", err)
	}
	return err != nil
}

func (h *history) one(t *rapid.T) *dues.Service { return h.s[rapid.IntRange(0, 1).Draw(t, "instance")] }

// pick draws one of the list; ok is false when it is empty.
func pick[T any](t *rapid.T, what string, list []T) (one T, ok bool) {
	if len(list) == 0 {
		return one, false
	}
	return list[rapid.IntRange(0, len(list)-1).Draw(t, what)], true
}

func (h *history) someone(t *rapid.T) int64 {
	return h.people[rapid.IntRange(0, len(h.people)-1).Draw(t, "who")]
}

func (h *history) someMonth(t *rapid.T, from, to int) model.Month {
	return h.month().Add(rapid.IntRange(from, to).Draw(t, "month"))
}

var tracks = []model.Track{model.Party, model.Party, model.League}

func (h *history) assessSome(t *rapid.T) error {
	a := dues.Assess{
		Track: rapid.SampledFrom(tracks).Draw(t, "track"), Category: model.DuesSalaried, EffectiveMonth: h.someMonth(t, -2, 2),
		KeepLeague: rapid.Bool().Draw(t, "keep"),
	}
	fen := model.Fen(rapid.IntRange(100_000, 400_000).Draw(t, "fen"))
	if a.BaseFen = &fen; rapid.Bool().Draw(t, "amount") {
		fen /= 1000
		a.BaseFen, a.AmountFen = nil, &fen
	}
	_, err := h.one(t).Assess(h.ctx, chief(), h.someone(t), a)
	return err
}

func (h *history) billSome(t *rapid.T) error {
	unit, month := rapid.SampledFrom(desks).Draw(t, "unit"), h.someMonth(t, -2, 1)
	_, err := h.one(t).Bill(h.ctx, h.desk[unit], h.units[unit].ID, month)
	if err != nil {
		return err
	}
	again, err := h.one(t).Bill(h.ctx, h.desk[unit], h.units[unit].ID, month)
	if again.Created != 0 {
		t.Fatalf("%s %s: asked again, it made %d more", unit, month, again.Created)
	}
	return err
}

func (h *history) billDue(t *rapid.T) error { return h.one(t).BillDue(h.ctx) }

// range of months, in order.
func (h *history) someMonths(t *rapid.T) (months []model.Month) {
	first := h.month().Add(-rapid.IntRange(-3, 5).Draw(t, "months back"))
	for i := range rapid.IntRange(1, 4).Draw(t, "many") {
		months = append(months, first.Add(i))
	}
	return months
}

func (h *history) paySome(t *rapid.T) error {
	p := dues.Pay{MemberID: h.someone(t), Months: h.someMonths(t), Method: rapid.SampledFrom([]model.PayMethod{model.PaidCash, model.PaidBank}).Draw(t, "method")}
	unit := h.payAt(t, p.MemberID)
	owed := model.Fen(0)
	for _, b := range h.bills(p.MemberID) {
		if b.Track == h.units[unit].Kind.Track() && slices.Contains(p.Months, b.Month) {
			owed += b.OpenFen()
		}
	}
	switch rapid.IntRange(0, 4).Draw(t, "how much") {
	case 0:
		p.AmountFen = owed
	case 1:
		p.AmountFen = owed / 2
	case 2:
		p.AmountFen = owed + model.Fen(rapid.IntRange(1, 500).Draw(t, "over"))
	case 3:
		p.AmountFen = model.Fen(rapid.IntRange(-1, 2000).Draw(t, "any"))
	}
	if rapid.IntRange(0, 3).Draw(t, "voluntary") == 0 {
		p.VoluntaryFen = model.Fen(rapid.IntRange(0, 900).Draw(t, "more"))
	}
	p.PaidOn = h.today().AddDays(-rapid.SampledFrom([]int{0, 0, 0, 10, 60}).Draw(t, "days ago"))
	desk := h.desk[rapid.SampledFrom([]string{unit, unit, "党总支"}).Draw(t, "desk")]
	paid, err := h.one(t).Pay(h.ctx, desk, h.units[unit].ID, p, model.Once{})
	if err == nil {
		h.payments = append(h.payments, paid.ID)
	}
	return err
}

// payAt is where somebody pays: where his latest bill is from, if not elsewhere.
func (h *history) payAt(t *rapid.T, memberID int64) string {
	bills := h.bills(memberID)
	slices.Reverse(bills)
	if bill, ok := pick(t, "bill to pay", bills); ok && rapid.IntRange(0, 4).Draw(t, "elsewhere") < 4 {
		for _, name := range desks {
			if h.units[name].ID == bill.UnitID {
				return name
			}
		}
	}
	return desks[rapid.IntRange(1, len(desks)).Draw(t, "unit")%len(desks)]
}

func (h *history) reverseSome(t *rapid.T) error {
	id, ok := pick(t, "payment", h.payments)
	if !ok {
		return errNothing
	}
	_, err := h.one(t).Reverse(h.ctx, chief(), id, "录入有误")
	return err
}
