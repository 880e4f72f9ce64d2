// Package sim behaves like the part of the WeChat platform that this program calls, so that tests and the demo run
// the real client without an AppID, a network or a clock to wait for.
//
// A Platform is one mini program on the platform's side. It is an http.Handler that serves the platform's own paths
// and, under /_sim/, what only a phone or a bad day could do: a member logs in, shares a number, a call fails.
// Everything under /_sim/ is also a Go method. Transport reaches it without a socket.
//
// It enforces what the platform enforces: codes that work once and for five minutes, tokens that expire or are
// replaced, quotas, the rules for a scene; and it words its refusals as the platform does, request id included.
//
// It takes subscribe messages to the templates in Config: one for every accept that Subscribe has given, one at a time
// to a person, with every field within its rules. They arrive in the Inbox. With EventConfig, what a person and a phone
// do goes out as an event of the message push, signed and encrypted, when DeliverDue is called, and again until it is
// taken.
//
// With a Merchant it is WeChat Pay as well (API v3, public-key mode): it checks the merchant's signature and signs its
// own answers, keeps the rules of orders and refunds, writes bills, and notifies until it is heard. A member pays
// through Pay or /_sim/pay. Business times are the platform's clock; signatures carry the real time, since the SDK
// checks them against it.
package sim
