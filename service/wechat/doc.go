// Package wechat is the program's side of the WeChat platform: it signs a member in, learns a phone number that the
// member shared, and draws mini-program codes. It is the only importer of the WeChat SDK, so replacing the SDK is a
// change of this package.
//
// What it adds to the SDK: every call obeys its context and a deadline; the access token is fetched once, shared, and
// replaced when the platform refuses it; no error or log line carries a secret, a token, a code or an openid; and a
// refusal of the platform becomes a *model.Error with a sentence a member can act on, its true cause kept for the log
// as a *PlatformError.
//
// Package sim is the platform's side, for tests and the demo.
package wechat
