package sim

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func openWorld(t *testing.T, file string, clk *clock) *payWorld {
	t.Helper()
	m, err := OpenMerchant(file, "1900000001")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return payWorldOf(t, m, clk)
}

// TestStateFile: a process that was killed left its file as it was after its last answer; nothing is closed here
// before it is opened again.
func TestStateFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "merchant.jsonl")
	clk := &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	w := openWorld(t, file, clk)
	w.answering(http.StatusInternalServerError)
	paid, err := w.Pay(t.Context(), w.prepay(t, outTradeNo))
	if err != nil {
		t.Fatal(err)
	}
	unpaid := w.prepay(t, "D-unpaid")
	w.prepay(t, "D-closed")
	w.close(t, "D-closed")
	w.refund(t, "R1", 100)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	again := openWorld(t, file, clk)
	if diff := cmp.Diff(w.Orders(), again.Orders()); diff != "" {
		t.Errorf("orders (-before +after):\n%s", diff)
	}
	if !again.merchant.PrivateKey.Equal(w.merchant.PrivateKey) || !again.merchant.PublicKey.Equal(w.merchant.PublicKey) ||
		again.merchant.APIv3Key != w.merchant.APIv3Key || again.merchant.CertSerial != w.merchant.CertSerial {
		t.Error("the keys changed")
	}
	if s := again.state(t, outTradeNo); s != stateRefunded {
		t.Errorf("state %s", s)
	}
	clk.advance(15 * time.Second)
	if n := again.DeliverDue(t.Context()); n != 2 {
		t.Errorf("%d undelivered notifications taken, want those of the payment and of the refund", n)
	}
	if n := openWorld(t, file, clk).DeliverDue(t.Context()); n != 0 {
		t.Errorf("%d sent again", n)
	}
	if got, err := again.Pay(t.Context(), unpaid); err != nil || got.TransactionID == paid.TransactionID {
		t.Errorf("a prepay_id of before: %+v, %v", got, err)
	}
	again.Reset()
	if n := len(openWorld(t, file, clk).Orders()); n != 0 {
		t.Errorf("%d orders after a reset", n)
	}
}

func TestHalfALine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "merchant.jsonl")
	clk := &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	w := openWorld(t, file, clk)
	w.prepay(t, outTradeNo)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w.prepay(t, "D-second")
	more, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{len(whole) + 1, len(more) - 1} {
		if err := os.WriteFile(file, more[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		w = openWorld(t, file, clk)
		if got := w.Orders(); len(got) != 1 || got[0].OutTradeNo != outTradeNo {
			t.Errorf("cut at %d of %d: %+v", n, len(more), got)
		}
		w.prepay(t, "D-third") // after the half line was dropped, not behind it
		if got := openWorld(t, file, clk).Orders(); len(got) != 2 {
			t.Errorf("cut at %d of %d, then written: %+v", n, len(more), got)
		}
	}
}

func TestBadStateFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "merchant.jsonl")
	if _, err := OpenMerchant(file, "1900000001"); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMerchant(file, "1900000002"); err == nil {
		t.Error("opened as another merchant")
	}
	for name, content := range map[string]string{
		"damaged":   string(good) + "x\n" + `{"reset":true}` + "\n",
		"no keys":   `{"reset":true}` + "\n",
		"false key": `{"merchant":{"mchid":"1900000001","merchant_key":"AA=="}}` + "\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenMerchant(file, "1900000001"); err == nil || name == "damaged" && !errors.Is(err, errStateFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenMerchant(dir, "1900000001"); err == nil {
		t.Error("opened a directory")
	}
	if _, err := NewMerchant(""); err == nil {
		t.Error("a merchant without a number")
	}
}

// TestADiskThatFails: what can't be written down does not happen.
func TestADiskThatFails(t *testing.T) {
	w := openWorld(t, filepath.Join(t.TempDir(), "merchant.jsonl"), &clock{at: time.Now()})
	id := w.prepay(t, outTradeNo)
	_ = w.merchant.Close()
	if status, body := w.ask(t, pathPrepay, w.prepayBody("D-second")); status != 500 || codeOf(body) != "SYSTEM_ERROR" {
		t.Errorf("%d %s", status, body)
	}
	if _, err := w.Pay(t.Context(), id); err == nil || w.state(t, outTradeNo) != stateUnpaid || len(w.Orders()) != 1 {
		t.Errorf("%v, %+v", err, w.Orders())
	}
}
