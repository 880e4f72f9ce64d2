package model

// LedgerAccount is an account of the ledger on dues. Money is a positive amount where it is, and a negative one where it came
// from, so that the lines of every entry add up to zero.
type LedgerAccount string

const (
	// In hand. Cash is somebody's: the holder is the Actor.Ref of who took it.
	Cash      LedgerAccount = "cash"
	Bank      LedgerAccount = "bank"
	WechatPay LedgerAccount = "wechat"
	Refunding LedgerAccount = "refunding" // asked back from WeChat Pay and not gone yet

	// Where it came from: what members paid, negative.
	DuesPaid  LedgerAccount = "dues"
	Voluntary LedgerAccount = "voluntary" // 自愿多交
	Advance   LedgerAccount = "advance"   // paid and not yet owed
	Received  LedgerAccount = "received"  // remitted by a unit below

	// Where it went.
	Remitted LedgerAccount = "remitted"
	Refunded LedgerAccount = "refunded"
)

// InHand reports whether what is on the account is at hand; such an account is never below zero and knows no year.
func (a LedgerAccount) InHand() bool {
	return a == Cash || a == Bank || a == WechatPay || a == Refunding
}

// EntryKind is what an entry records.
type EntryKind string

const (
	PaymentEntry    EntryKind = "payment"
	CarryEntry      EntryKind = "carry" // an advance became dues
	RemittanceEntry EntryKind = "remittance"
	HandoverEntry   EntryKind = "handover"
	RefundEntry     EntryKind = "refund"        // asked for
	RefundedEntry   EntryKind = "refunded"      // done
	RefundFailed    EntryKind = "refund_failed" // the money stayed
	ReversalEntry   EntryKind = "reversal"
)

// Entry is a movement of money, the head of its lines. It is only ever added; a mistake is reversed by an entry with the
// opposite lines.
type Entry struct {
	ID         int64
	Kind       EntryKind
	UnitID     int64
	Year       int // of the statement it belongs to
	OccurredOn Date
	Reason     string
	ReversesID *int64
	CreatedBy  string
	CreatedAt  Instant `gorm:"autoCreateTime:false"`
}

// TableName keeps the word of the feature in the schema.
func (Entry) TableName() string { return "dues_entries" }

// Line is one side of an entry.
type Line struct {
	EntryID   int64
	Position  int
	UnitID    int64
	Account   LedgerAccount
	Holder    string // of cash; else empty
	AmountFen Fen
}

// TableName keeps the word of the feature in the schema.
func (Line) TableName() string { return "dues_lines" }

// Balance is the sum of the lines of a unit on an account, kept in the transaction of each entry. What is in hand has the
// year 0, for it is carried from year to year.
type Balance struct {
	UnitID    int64
	Year      int
	Account   LedgerAccount
	Holder    string
	AmountFen Fen
}

// TableName keeps the word of the feature in the schema.
func (Balance) TableName() string { return "dues_balances" }
