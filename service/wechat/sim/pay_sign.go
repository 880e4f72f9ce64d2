package sim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

const (
	signScheme = "WECHATPAY2-SHA256-RSA2048"
	signWindow = 5 * time.Minute
	probe      = "WECHATPAY/SIGNTEST/"
)

// signed is a handler whose caller has to be the merchant, and whose answer WeChat Pay signs.
func (y *payments) signed(handle func(call) answer) func(call) answer {
	return func(c call) answer {
		a := y.unsigned(handle)(c)
		if c.fault.Empty {
			a = c.fault.spoil(a) // what is signed is what goes out
		}
		a.header = y.signature(a.body, c.fault)
		return a
	}
}

// unsigned is a handler whose caller has to be the merchant.
func (y *payments) unsigned(handle func(call) answer) func(call) answer {
	return func(c call) answer {
		if c.fault.Code != "" {
			return payRefuse(c.fault.Code, "")
		}
		if !y.merchant.sent(c) {
			return payRefuse("SIGN_ERROR", "")
		}
		return handle(c)
	}
}

var authorization = regexp.MustCompile(`^WECHATPAY2-SHA256-RSA2048 mchid="([^"]*)",nonce_str="([^"]*)",timestamp="(\d+)",serial_no="([^"]*)",signature="([^"]*)"$`)

// sent reports whether the merchant signed a call, not long ago. Signatures obey the real clock on both sides, for the
// SDK knows no other.
func (m *Merchant) sent(c call) bool {
	f := authorization.FindStringSubmatch(c.authorization)
	if f == nil || f[1] != m.MchID || f[4] != m.CertSerial {
		return false
	}
	at, err := strconv.ParseInt(f[3], 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() >= signWindow {
		return false
	}
	signature, err := base64.StdEncoding.DecodeString(f[5])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(c.method + "\n" + c.uri + "\n" + f[3] + "\n" + f[2] + "\n" + string(c.body) + "\n"))
	return rsa.VerifyPKCS1v15(&m.PrivateKey.PublicKey, crypto.SHA256, sum[:], signature) == nil
}

// signature is the header that proves body to be WeChat Pay's, or that fails to, as the fault says.
func (y *payments) signature(body []byte, f Fault) http.Header {
	h := http.Header{"Request-Id": {"08" + digits(18, string(y.platform.random(8)))}}
	if f.Unsigned {
		return h
	}
	m := y.merchant
	at := strconv.FormatInt(time.Now().Unix()+int64(f.SkewSeconds), 10)
	nonce := randomHex(16)
	h.Set("Wechatpay-Timestamp", at)
	h.Set("Wechatpay-Nonce", nonce)
	h.Set("Wechatpay-Serial", m.PublicKeyID)
	h.Set("Wechatpay-Signature-Type", signScheme)
	message := at + "\n" + nonce + "\n" + string(body) + "\n"
	if f.BadSignature {
		message += "another"
	}
	sum := sha256.Sum256([]byte(message))
	signature, err := rsa.SignPKCS1v15(rand.Reader, m.platformKey, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is this package's own
	}
	text := base64.StdEncoding.EncodeToString(signature)
	if f.Probe {
		text = probe + text[len(probe):]
	}
	h.Set("Wechatpay-Signature", text)
	return h
}

// payAnswer answers v, nil with nothing but the status.
func payAnswer(status int, v any) answer {
	a := answer{status: status, mime: "application/json; charset=utf-8"}
	if v == nil {
		return a
	}
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // v is one of this package's own structs
	}
	a.body = body
	return a
}

// payRefuse answers an error as /v3 does: an HTTP status, a code and a sentence. An empty message is the code's own.
func payRefuse(code, message string) answer {
	r, known := payRefusals()[code]
	if !known {
		r = payRefusal{http.StatusBadRequest, "模拟的错误"}
	}
	if message == "" {
		message = r.message
	}
	return payAnswer(r.status, map[string]string{"code": code, "message": message})
}

type payRefusal struct {
	status  int
	message string
}

func payRefusals() map[string]payRefusal {
	return map[string]payRefusal{
		"APPID_MCHID_NOT_MATCH": {400, "appid和mch_id不匹配，请检查后再试"},
		"INVALID_REQUEST":       {400, "请求参数符合参数格式，但不符合业务规则"},
		"MCH_NOT_EXISTS":        {400, "商户号不存在"},
		"PARAM_ERROR":           {400, "参数错误"},
		"ORDER_CLOSED":          {400, "订单已关闭"},
		"ORDERPAID":             {400, "该订单已支付"},
		"NO_STATEMENT_EXIST":    {400, "账单文件不存在"},
		"STATEMENT_CREATING":    {400, "账单生成中"},
		"SIGN_ERROR":            {401, "签名错误，请检查后再试"},
		"NO_AUTH":               {403, "商户无权限"},
		"NOT_ENOUGH":            {403, "基本账户余额不足，请充值后重新发起"},
		"OUT_TRADE_NO_USED":     {403, "商户订单号重复"},
		"USER_ACCOUNT_ABNORMAL": {403, "用户账号异常"},
		"ORDER_NOT_EXIST":       {404, "订单不存在"},
		"RESOURCE_NOT_EXISTS":   {404, "订单号不存在"},
		"FREQUENCY_LIMITED":     {429, "频率限制，请降低频率后重试"},
		"SYSTEM_ERROR":          {500, "系统异常，请用相同参数重新调用"},
	}
}
