package roster

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"

	"zhibu/model"
)

// rows is what a plan writes.
type rows struct {
	members     []model.Member
	changes     map[int64]map[string]any // columns of members
	ended       []model.Membership
	corrected   []model.Membership
	memberships []model.Membership
	posts       []model.Post
	units       []int64 // of memberships written, as they were and as they are
	aged        []int64 // members with another birth date
}

// commit applies the plan. The number of statements grows with the batches, not with the rows.
func (p *plan) commit(tx *gorm.DB) error {
	r := rows{changes: map[int64]map[string]any{}}
	for _, k := range p.touched {
		p.collect(k, &r)
	}
	for _, step := range []func() error{
		func() error { return stillOpen(tx, slices.Concat(r.memberships, r.corrected)) },
		func() error { return createAll(tx, r.members) },
		func() error { return updateAll(tx, "members", r.changes) },
		func() error { return endAll(tx, r.ended, p.today) },
		func() error { return correctAll(tx, r.corrected) },
		func() error { return createAll(tx, r.memberships) },
		func() error { return model.BeginPosts(tx, r.posts...) },
		func() error { return model.MarkRoster(tx, r.units...) },
		func() error { return model.MarkMembers(tx, r.aged...) },
	} {
		if err := step(); err != nil {
			return duplicate(err, ErrChangedBeside)
		}
	}
	return model.Audit(tx, p.actor, p.now, p.deeds()...)
}

// collect adds what is to be written of one person.
func (p *plan) collect(k *known, r *rows) {
	if k.fresh {
		r.members = append(r.members, k.after)
	} else if changed := changedColumns(k.before, k.after); len(changed) > 0 {
		r.changes[k.after.ID] = changed
		if _, birth := changed["birth_date"]; birth {
			r.aged = append(r.aged, k.after.ID)
		}
	}
	for _, place := range k.inOrder() {
		if place.before.ID != 0 && sameAttributes(place.before, place.after) {
			continue
		}
		r.units = append(r.units, cmp.Or(place.before.UnitID, place.after.UnitID), place.after.UnitID)
		switch {
		case place.before.ID == 0:
			r.memberships = append(r.memberships, place.after)
		case place.before.StartedOn >= p.today:
			r.corrected = append(r.corrected, place.after)
		default:
			r.ended = append(r.ended, place.before)
			r.memberships = append(r.memberships, p.successor(place.after))
		}
	}
	for _, office := range k.newOffices {
		r.posts = append(r.posts, model.Post{
			ID: model.NewID(), MemberID: k.after.ID, UnitID: office.unitID, Title: office.title,
			StartedOn: p.today, EndedOn: model.Forever, CreatedAt: p.now,
		})
	}
}

func (p *plan) successor(m model.Membership) model.Membership {
	m.ID, m.StartedOn, m.CreatedAt = model.NewID(), p.today, p.now
	return m
}

func (k *known) inOrder() (places []place) {
	for _, track := range []model.Track{model.Party, model.League} {
		if place, ok := k.places[track]; ok {
			places = append(places, place)
		}
	}
	return places
}

// deeds are the audit events of the plan: one for each person, and one for the file.
func (p *plan) deeds() []model.Deed {
	var deeds []model.Deed
	for _, k := range p.touched {
		deeds = append(deeds, k.deed())
	}
	r := p.report
	return append(deeds, model.Deed{Action: "roster.import", Unit: p.tree.root, SubjectID: p.tree.root.ID, After: map[string]any{
		"rows": r.Rows, "created": r.Created, "updated": r.Updated, "unchanged": r.Unchanged, "rejected": rejectedRows(r),
	}})
}

func (k *known) deed() model.Deed {
	d := model.Deed{Action: "member.change", Unit: k.unit, SubjectID: k.after.ID}
	before, after := map[string]any{}, map[string]any{"import": true}
	if k.fresh {
		d.Action = "member.create"
	} else if fields := auditFields(changedColumns(k.before, k.after)); len(fields) > 0 {
		after["fields"] = fields
	}
	for _, place := range k.inOrder() {
		if place.before.ID != 0 && sameAttributes(place.before, place.after) {
			continue
		}
		after[string(place.after.Track)] = auditMembership(place.after)
		if place.before.ID != 0 {
			before[string(place.after.Track)] = auditMembership(place.before)
		}
	}
	if len(k.newOffices) > 0 {
		after["posts"] = auditOffices(k.newOffices)
	}
	if d.After = after; len(before) > 0 {
		d.Before = before
	}
	return d
}

func auditOffices(offices []seat) (list []map[string]any) {
	for _, o := range offices {
		list = append(list, map[string]any{"unit_id": o.unitID, "title": o.title})
	}
	return list
}

// stillOpen keeps the units that get members from being closed meanwhile.
func stillOpen(tx *gorm.DB, memberships []model.Membership) error {
	ids := distinct(memberships, func(m model.Membership) int64 { return m.UnitID })
	units, err := findIn[model.Unit](model.ForUpdate(tx).Order("id"), "id", slices.Sorted(slices.Values(ids)))
	if err != nil {
		return err
	}
	for _, u := range units {
		if !u.ClosedOn.IsOpen() {
			return ErrChangedBeside
		}
	}
	return nil
}

func createAll[R any](tx *gorm.DB, rows []R) error {
	if len(rows) == 0 {
		return nil
	}
	return tx.CreateInBatches(rows, chunk/2).Error
}

// endAll ends the episodes; one that somebody else has changed meanwhile stops the import.
func endAll(tx *gorm.DB, memberships []model.Membership, on model.Date) error {
	for batch := range slices.Chunk(memberships, chunk) {
		ids := distinct(batch, func(m model.Membership) int64 { return m.ID })
		done := tx.Model(&model.Membership{}).Where("id IN ? AND started_on < ? AND ended_on = ?", ids, on, model.Forever).
			Updates(map[string]any{"ended_on": on, "end_reason": ""})
		if done.Error == nil && done.RowsAffected != int64(len(ids)) {
			return ErrChangedBeside
		}
		if done.Error != nil {
			return done.Error
		}
	}
	return nil
}

func correctAll(tx *gorm.DB, memberships []model.Membership) error {
	changes := map[int64]map[string]any{}
	for _, m := range memberships {
		changes[m.ID] = attributesOf(m)
	}
	return updateAll(tx, "memberships", changes)
}

// updateAll writes different values into many rows of a table in few statements: SET column = CASE id WHEN … END.
func updateAll(tx *gorm.DB, table string, changes map[int64]map[string]any) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(changes)), chunk/2) {
		columns := map[string][]int64{}
		for _, id := range ids {
			for column := range changes[id] {
				columns[column] = append(columns[column], id)
			}
		}
		var sets []string
		var args []any
		for _, column := range slices.Sorted(maps.Keys(columns)) {
			sets = append(sets, column+" = CASE id"+strings.Repeat(" WHEN ? THEN ?", len(columns[column]))+" ELSE "+column+" END")
			for _, id := range columns[column] {
				args = append(args, id, changes[id][column])
			}
		}
		sql := "UPDATE " + table + " SET " + strings.Join(sets, ", ") + " WHERE id IN ?"
		if err := tx.Exec(sql, append(args, ids)...).Error; err != nil {
			return err
		}
	}
	return nil
}
