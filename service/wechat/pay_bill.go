package wechat

import (
	"context"
	"crypto/sha1" // the platform's choice; the hash itself comes in a signed answer
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"

	"zhibu/model"
)

const (
	opBill       = "bill"
	billPatience = time.Minute
)

// Bill returns the platform's bill of a day: its payments, and the refunds asked for on that day. It is there from
// 10:00 of the next day on, for three months. model.ErrNoBill when there is none, or the day is none; ErrPayTooMany
// and ErrPayUnavailable, also for a bill that was damaged on its way or can't be read to its last line.
func (p *Pay) Bill(ctx context.Context, day model.Date) ([]model.PayBillLine, error) {
	if _, err := model.ParseDate(string(day)); err != nil {
		return nil, model.ErrNoBill.With(err)
	}
	op := payOperation{name: opBill, patience: billPatience, refusals: payRefusals{
		"NO_STATEMENT_EXIST": model.ErrNoBill, "STATEMENT_CREATING": model.ErrNoBill,
	}}
	var lines []model.PayBillLine
	err := p.run(ctx, op, func(ctx context.Context) error {
		file, err := p.billFile(ctx, day)
		if err != nil {
			return err
		}
		lines, err = parseBill(file)
		return err
	})
	if err != nil {
		return nil, err
	}
	return lines, nil
}

type billTicket struct {
	HashType    string `json:"hash_type"`
	HashValue   string `json:"hash_value"`
	DownloadURL string `json:"download_url"`
}

func (p *Pay) billFile(ctx context.Context, day model.Date) ([]byte, error) {
	query := url.Values{"bill_date": {string(day)}, "bill_type": {"ALL"}}
	result, err := p.client.Get(ctx, payPlatform+"/v3/bill/tradebill?"+query.Encode())
	if err != nil {
		return nil, err
	}
	var ticket billTicket
	if err := core.UnMarshalResponse(result.Response, &ticket); err != nil {
		return nil, err
	}
	if !strings.EqualFold(ticket.HashType, "SHA1") {
		return nil, strange("a bill with another hash than SHA1")
	}
	// The guard refuses an address that is not WeChat Pay's.
	result, err = p.download.Get(ctx, ticket.DownloadURL)
	if err != nil {
		return nil, err
	}
	defer result.Response.Body.Close()
	file, err := io.ReadAll(result.Response.Body)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(file)
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(strings.ToLower(ticket.HashValue))) != 1 {
		return nil, errors.New("the bill is not the one that its hash was signed for")
	}
	return file, nil
}
