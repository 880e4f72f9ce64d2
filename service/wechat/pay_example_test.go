package wechat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"zhibu/model"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

// toServer is the network of an example: every request reaches the handler.
type toServer struct{ http.Handler }

func (s toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// A Pay that speaks with the simulator. sim.OpenMerchant instead of NewMerchant keeps keys and orders in a file.
func ExampleNewPay() {
	merchant, err := sim.NewMerchant("1900000001")
	if err != nil {
		panic(err)
	}
	var pay *wechat.Pay
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		notice, err := pay.ParseNotify(r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Println("notified:", notice.Trade.State, notice.Trade.Total)
	})
	platform := sim.New(sim.Config{AppID: "wxexample", AppSecret: "secret", Merchant: merchant, Deliver: toServer{server}})
	pay, err = wechat.NewPay(wechat.PayConfig{
		AppID: "wxexample", MchID: merchant.MchID, CertSerial: merchant.CertSerial, PrivateKey: merchant.PrivateKey,
		PublicKeyID: merchant.PublicKeyID, PublicKey: merchant.PublicKey, APIv3Key: merchant.APIv3Key,
		NotifyURL: "https://example.org/api/v1/wechat/pay/notify", Transport: platform.Transport(),
	})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	params, err := pay.Prepay(ctx, model.Prepayment{
		OrderNo: "D20261123-0001", Description: "党费", Total: 3200, OpenID: "oMember",
		ExpiresAt: model.At(time.Now().Add(30 * time.Minute)),
	})
	if err != nil {
		panic(err)
	}
	done, err := platform.Pay(ctx, strings.TrimPrefix(params.Package, "prepay_id="))
	if err != nil {
		panic(err)
	}
	trade, err := pay.Query(ctx, done.OutTradeNo)
	fmt.Println("asked:", trade.State, trade.Total, err)
	// Output:
	// notified: SUCCESS 32.00
	// asked: SUCCESS 32.00 <nil>
}
