// Package wechat is the program's side of the WeChat platform: it signs a member in, learns a phone number that the
// member shared, and draws mini-program codes (Client); it lets a member pay, closes and refunds orders, and reads
// bills and notifications (Pay). It is the only importer of the two SDKs, so replacing one is a change of this package.
//
// What it adds to the SDK: every call obeys its context and a deadline; the access token is fetched once, shared, and
// replaced when the platform refuses it; no error or log line carries a secret, a token, a code or an openid; and a
// refusal of the platform becomes a *model.Error with a sentence a member can act on, its true cause kept for the log
// as a *PlatformError or, of WeChat Pay, a *PayError. What WeChat Pay says is believed only with its signature; whether
// it agrees with our own order is for the caller to check.
//
// Package sim is the platform's side, for tests and the demo.
package wechat
