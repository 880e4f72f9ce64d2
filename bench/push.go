package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"zhibu/model"
	"zhibu/service/push"
	"zhibu/service/wechat"
	"zhibu/service/wechat/sim"
)

// The organisation to which announcements are made, and the platform.
const (
	pushMembers   = 20_000
	pushBranches  = 200
	pushRounds    = 3
	pushInFlight  = 200
	pushLatency   = 20 * time.Millisecond
	pushTemplate  = "bench-announcement"
	pushBatch     = 500 // rows of an INSERT of the floor: more make it no faster
	pushUnit      = int64(1)
	pushFirst     = int64(10_000) // id of the first member
	pushYearTimes = 365           // announcements of a member's year
)

// postOffice is that organisation with the service that says things to it.
type postOffice struct {
	db       *model.DB
	platform *sim.Platform
	client   *wechat.Client
	service  *push.Service
}

// benchPushApart has databases of its own, which no other part has filled.
func benchPushApart(ctx context.Context, dir string) error {
	mariadb, drop, err := benchDatabase(ctx)
	if err != nil {
		return err
	}
	defer drop()
	return benchPush(ctx, []string{mariadb, "sqlite:" + dir + "/push.db"})
}

// benchPush prints what announcements cost: queueing them, sending them, and what a member's year of them costs his to-do
// list, on each of the databases.
func benchPush(ctx context.Context, databaseURLs []string) error {
	for _, databaseURL := range databaseURLs {
		db, err := openDatabase(ctx, databaseURL)
		if err != nil {
			return err
		}
		p := &postOffice{db: db}
		for _, step := range []func(context.Context) error{p.found, p.benchQueue, p.benchSend, p.benchTodo} {
			if err = step(ctx); err != nil {
				break
			}
		}
		if err := errors.Join(err, db.Close()); err != nil {
			return err
		}
	}
	return nil
}

// found writes the members, each with a WeChat, and opens the platform.
func (p *postOffice) found(ctx context.Context) error {
	progress("filling %s with %d members", p.db.Dialect, pushMembers)
	p.platform = sim.New(sim.Config{
		AppID: "wx0123456789abcdef", AppSecret: "secret", Latency: pushLatency, JournalSize: -1,
		Templates: []sim.Template{{ID: pushTemplate, Title: "通知公告", Fields: []sim.Field{{Key: "thing1"}, {Key: "thing2"}, {Key: "time3"}, {Key: "thing4"}}}},
	})
	var err error
	p.client, err = wechat.New(wechat.Config{
		AppID: "wx0123456789abcdef", AppSecret: "secret", Transport: p.platform.Transport(), Now: time.Now, Logger: quiet,
	})
	if err != nil {
		return err
	}
	fields := []model.PushField{
		{Key: "thing1", Type: model.FieldThing, Value: "title"}, {Key: "thing2", Type: model.FieldThing, Value: "unit"},
		{Key: "time3", Type: model.FieldTime, Value: "time"}, {Key: "thing4", Type: model.FieldThing, Value: "hint"},
	}
	p.service = push.New(p.db, time.Now, p.client, push.Config{
		Templates: []model.PushTemplate{{TemplateID: pushTemplate, Purpose: model.PurposeAnnouncement, Title: "通知公告", Fields: fields}},
		PerSecond: 1_000_000, InFlight: pushInFlight, Logger: quiet,
	})
	root := model.Unit{ID: pushUnit, Kind: model.PartyGeneralBranch, Name: "总支", Path: "/1/", FoundedOn: since, ClosedOn: model.Forever}
	units := []model.Unit{root}
	for i := range pushBranches {
		id := pushUnit + 1 + int64(i)
		units = append(units, model.Unit{ID: id, ParentID: &root.ID, Kind: model.PartyBranch, Name: fmt.Sprint("支部", i),
			Path: model.ChildPath(root.Path, id), FoundedOn: since, ClosedOn: model.Forever})
	}
	if err := p.db.Write(ctx, func(tx *gorm.DB) error { return createAll(tx, units) }); err != nil {
		return err
	}
	const part = 5_000
	for from := 0; from < pushMembers; from += part {
		if err := p.db.Write(ctx, func(tx *gorm.DB) error { return enlistReaders(tx, units[1:], from, from+part) }); err != nil {
			return err
		}
	}
	return p.analyze(ctx)
}

func enlistReaders(tx *gorm.DB, branches []model.Unit, from, to int) error {
	var people []model.Member
	var memberships []model.Membership
	var bindings []model.Binding
	for i := from; i < to; i++ {
		id, name := pushFirst+int64(i), fmt.Sprint("成员", i)
		people = append(people, model.Member{ID: id, Name: name, NameKey: name, NameSort: name})
		memberships = append(memberships, model.Membership{ID: id, MemberID: id, UnitID: branches[i%len(branches)].ID, Track: model.Party,
			Kind: model.Full, State: model.Active, Category: model.InService, StartedOn: since, EndedOn: model.Forever})
		bindings = append(bindings, model.Binding{ID: id, OpenID: readerOpenID(i), MemberID: id, Method: "phone", BoundAt: 1})
	}
	return createAll(tx, people, memberships, bindings)
}

func readerOpenID(i int) string { return fmt.Sprintf("bench-reader-%05d", i) }

func (p *postOffice) analyze(ctx context.Context) error {
	statement := "ANALYZE"
	if p.db.Dialect == model.MySQL {
		statement = "ANALYZE TABLE units, members, memberships, bindings, consents, deliveries, announcements"
	}
	_, err := p.db.Pool().ExecContext(ctx, statement)
	return err
}

// announce makes an announcement to everybody.
func (p *postOffice) announce(ctx context.Context) (push.Announced, error) {
	return p.service.Announce(ctx, officer, push.Plan{UnitID: pushUnit, Title: "关于召开年度总结大会的通知", Body: "请准时参加。", Urgent: true}, model.Once{})
}

// benchQueue measures an announcement beside multi-row INSERTs of the same deliveries.
func (p *postOffice) benchQueue(ctx context.Context) error {
	fmt.Printf("An announcement to %d members, %s.\n\n", pushMembers, p.db.Dialect)
	fmt.Println("| run | measured | ms | rows per second | of the INSERTs |")
	fmt.Println("|---|---|---|---|---|")
	for run := range pushRounds {
		progress("queueing on %s, %d of %d", p.db.Dialect, run+1, pushRounds)
		begin := time.Now()
		a, err := p.announce(ctx)
		if err != nil {
			return err
		}
		accepted := time.Since(begin)
		begin = time.Now()
		if err := p.service.Publish(ctx); err != nil {
			return err
		}
		queued := time.Since(begin)
		inserted, err := p.insertDeliveries(ctx, a.ID)
		if err != nil {
			return err
		}
		for _, row := range []struct {
			name string
			took time.Duration
		}{
			{fmt.Sprintf("INSERTs of %d rows, one transaction", pushBatch), inserted}, {"accepted", accepted}, {"queued", queued},
			{"accepted and queued", accepted + queued},
		} {
			rate := pushMembers / row.took.Seconds()
			fmt.Printf("| %d | %s | %.0f | %.0f | %.2f |\n", run+1, row.name, milliseconds(row.took), rate, inserted.Seconds()/row.took.Seconds())
		}
		if err := p.forget(ctx); err != nil {
			return err
		}
	}
	fmt.Println()
	return nil
}

// insertDeliveries is the floor: it writes the deliveries of an announcement again, for another one.
func (p *postOffice) insertDeliveries(ctx context.Context, of int64) (time.Duration, error) {
	var rows []model.Delivery
	if err := p.db.Read(ctx).Where("announcement_id = ?", of).Order("member_id").Find(&rows).Error; err != nil || len(rows) != pushMembers {
		return 0, fmt.Errorf("%d deliveries: %w", len(rows), err)
	}
	var copied model.Announcement
	if err := p.db.Read(ctx).Take(&copied, of).Error; err != nil {
		return 0, err
	}
	copied.ID = model.NewID()
	copied.Cause = fmt.Sprint("copy:", copied.ID)
	if err := p.db.Write(ctx, func(tx *gorm.DB) error { return tx.Create(&copied).Error }); err != nil {
		return 0, err
	}
	const columns = 12
	row := "(?" + strings.Repeat(",?", columns-1) + ")"
	statement := "INSERT INTO deliveries (announcement_id, member_id, unit_id, state, reason, due_at, attempts, msgid, tried_at, sent_at, read_at, created_at) VALUES " +
		row + strings.Repeat(","+row, pushBatch-1)
	var batches [][]any
	for i := 0; i < len(rows); i += pushBatch {
		values := make([]any, 0, pushBatch*columns)
		for _, d := range rows[i : i+pushBatch] {
			values = append(values, copied.ID, d.MemberID, d.UnitID, string(d.State), d.Reason, int64(d.DueAt), d.Attempts, d.MsgID, 0, 0, 0, int64(d.CreatedAt))
		}
		batches = append(batches, values)
	}
	begin := time.Now()
	tx, err := p.db.Pool().BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	for _, values := range batches {
		if _, err := tx.ExecContext(ctx, statement, values...); err != nil {
			return 0, errors.Join(err, tx.Rollback())
		}
	}
	err = tx.Commit()
	return time.Since(begin), err
}

// forget takes all deliveries out of the queue.
func (p *postOffice) forget(ctx context.Context) error {
	return p.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&model.Delivery{}).Where("due_at > 0").Updates(map[string]any{"due_at": 0, "state": model.DeliveryRecalled}).Error
	})
}

// benchSend measures the sender beside the bare client with as many messages under way: the ceiling of the platform.
func (p *postOffice) benchSend(ctx context.Context) error {
	fmt.Printf("Sending %d messages, %d under way at once, the platform answers after %s, %s.\n\n", pushMembers, pushInFlight, pushLatency, p.db.Dialect)
	fmt.Println("| run | measured | s | messages per second | of the client alone | of the ceiling |")
	fmt.Println("|---|---|---|---|---|---|")
	ceiling := pushInFlight / pushLatency.Seconds()
	for run := range pushRounds {
		progress("sending on %s, %d of %d", p.db.Dialect, run+1, pushRounds)
		alone, err := p.sendAlone(ctx)
		if err != nil {
			return err
		}
		whole, err := p.sendAll(ctx)
		if err != nil {
			return err
		}
		for _, row := range []struct {
			name string
			took time.Duration
		}{{"the client alone", alone}, {"the sender", whole}} {
			rate := pushMembers / row.took.Seconds()
			fmt.Printf("| %d | %s | %.2f | %.0f | %.2f | %.2f |\n", run+1, row.name, row.took.Seconds(), rate, alone.Seconds()/row.took.Seconds(), rate/ceiling)
		}
	}
	fmt.Println()
	return nil
}

// accept lets everyone accept once on the platform.
func (p *postOffice) accept() error {
	for i := range pushMembers {
		if err := p.platform.Subscribe(readerOpenID(i), pushTemplate, true); err != nil {
			return err
		}
	}
	return nil
}

// sendAlone sends a message to everyone through the client and nothing else.
func (p *postOffice) sendAlone(ctx context.Context) (time.Duration, error) {
	if err := p.accept(); err != nil {
		return 0, err
	}
	data := map[string]string{"thing1": "关于召开年度总结大会的通知", "thing2": "总支", "time3": "2026年3月2日 09:00", "thing4": "请进入小程序查看"}
	r, err := measure(pushInFlight, func(worker int, record func(time.Duration)) error {
		for i := worker; i < pushMembers; i += pushInFlight {
			if _, err := p.client.Send(ctx, model.PushMessage{OpenID: readerOpenID(i), TemplateID: pushTemplate, Data: data}); err != nil {
				return err
			}
		}
		return nil
	})
	return r.took, err
}

// sendAll has the sender send an announcement to everyone, each with a consent in the ledger.
func (p *postOffice) sendAll(ctx context.Context) (time.Duration, error) {
	if err := p.accept(); err != nil {
		return 0, err
	}
	if err := p.grant(ctx); err != nil {
		return 0, err
	}
	before := p.platform.Received()
	a, err := p.announce(ctx)
	if err != nil {
		return 0, err
	}
	if err := p.service.Publish(ctx); err != nil {
		return 0, err
	}
	if err := p.analyze(ctx); err != nil {
		return 0, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	begin := time.Now()
	wg.Go(func() { _ = p.service.Run(running) })
	for p.platform.Received()-before < pushMembers && time.Since(begin) < 5*time.Minute {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(begin)
	stop()
	wg.Wait()
	var sent int64
	err = p.db.Read(ctx).Model(&model.Delivery{}).Where("announcement_id = ? AND state = ?", a.ID, model.DeliverySent).Count(&sent).Error
	if err == nil && sent != pushMembers {
		err = fmt.Errorf("%d messages sent of %d", sent, pushMembers)
	}
	return took, err
}

// grant writes a consent of everyone into the ledger.
func (p *postOffice) grant(ctx context.Context) error {
	now := model.At(time.Now())
	return p.db.Write(ctx, func(tx *gorm.DB) error {
		consents := make([]model.Consent, pushMembers)
		for i := range consents {
			id := model.NewID()
			consents[i] = model.Consent{ID: id, OpenID: readerOpenID(i), TemplateID: pushTemplate, Serial: id, State: model.ConsentOpen, AcceptedAt: now}
		}
		return createAll(tx, consents)
	})
}
