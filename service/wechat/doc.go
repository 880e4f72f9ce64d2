// Package wechat is the program's side of the WeChat platform: it signs a member in, learns a phone number that the
// member shared, draws mini-program codes, sends subscribe messages and has texts checked (Client); it takes the events
// of the message push (Receiver); it lets a member pay, closes and refunds orders, and reads bills and notifications
// (Pay). It is the only importer of the two SDKs, so replacing one is a change of this package.
//
// What it adds to the SDK: every call obeys its context and a deadline; the access token is fetched once, shared, and
// replaced when the platform refuses it; a kind of call that fails and fails is not made for a while (breaker); no error
// or log line carries a secret, a token, a code or an openid; and a refusal of the platform becomes a *model.Error with
// a sentence a member can act on, its true cause kept for the log as a *PlatformError or, of WeChat Pay, a *PayError.
// What WeChat Pay says is believed only with its signature; whether it agrees with our own order is for the caller to
// check.
//
// Send alone is told apart further, since a subscribe message can't be taken back and the platform can't be asked what
// became of it: its *model.SendError says whether the message was surely not sent, and what to do then. Whatever broke
// after the first byte had gone out is unknown.
//
// Package sim is the platform's side, for tests and the demo.
package wechat
