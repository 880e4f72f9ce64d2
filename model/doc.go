// Package model has the nouns of zhibu: rows, values, pure rules, errors, and the one place that knows the database.
// The verbs are in service. docs/glossary.md has the Chinese behind each word.
//
// The organisation: a Unit is a node of the tree, of one of two Tracks, party and league; its Path is the ids from the
// root down and decides who reaches what. A Member is one person. A Membership is a dated episode of a member in a unit;
// who is on the roster at a moment is answered by OnRoster alone, who is in a denominator by Counted. A Transfer records
// a move from unit to unit. A Post is a dated office with a Title.
//
// Who is asking: an Actor makes a request. Rights come from offices: a Grant is an office that reaches a unit and all
// below it, a Permission one thing it allows; a Home is a unit of the actor's own membership. Within and FindUnit are
// the two ways to ask, and nobody records for himself (IsMember). A Binding ties a WeChat openid to a member, an Invite
// is a code to bind with, an Account signs in with a password, a Session is one sign-in with its RefreshTokens.
//
// Attendance: an Activity is a real event; its audience makes it a Gathering, which knows who is due. A CheckIn is the
// attendance of one member, by code or by an officer; a Leave asks to be excused.
//
// Study: a StudyPeriod is a numbered item of a series, and with its audience a Period, which knows who is due. A
// Completion is one member's, an Exemption releases one. A Rate is held against a Threshold. A PeriodVersion keeps a
// closed period with its PeriodEntries; PeriodCounts are the rates by unit, Tallies what was added since the last Recount,
// and a RosterMark says what to count anew.
//
// Messages: an Announcement is said to many, by an officer or by a Rule of the calendar, and a Notice by a feature in its own
// transaction (Notify); a Delivery is what one member has of it, in the inbox and as a subscribe message. A Consent lets one
// such message be sent, a Flight is one on its way. A Reminder is a rule that has fired, a ReminderRule switches one. A
// PushTemplate serves a Purpose, a PushMessage is what WeChat is given, a PlatformEvent what it reports. A Calendar knows the
// working days and the Festivals.
//
// The record: a Deed becomes an AuditEvent in the transaction that does it, and an AuditLink chains it later. Feedback
// is a complaint or suggestion with its answer. A Setting is a dated value of a unit and all below it; Settings are
// those in force in a unit on a day.
//
// Values: an Instant is a moment in UTC to the millisecond, a Date a day in Asia/Shanghai, Forever the day on which
// nothing has ended. A Cursor is where the next page of a list begins. A Keyring seals and hashes personal data. An
// Error is a refusal its caller may show: a Kind, a stable code, a Chinese sentence.
//
// The database: Open returns a DB, on SQLite or MySQL. Read gives a handle to look, Write is a transaction that runs
// again after a conflict, Group settles what arrives at the same time in one round trip. Migrate brings the schema to
// SchemaVersion; Backup and Restore move everything, across databases too.
package model
