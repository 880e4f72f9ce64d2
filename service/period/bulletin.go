package period

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"zhibu/model"
	"zhibu/office"
)

// Bulletin is the notice (通报) of a period: full figures, and the branches below the threshold. It names nobody.
type Bulletin struct {
	Rates
	Text string
}

const undefinedRate = "—（无应参学人员）"

// Bulletin writes the notice of a unit to be pasted.
func (s *Service) Bulletin(ctx context.Context, actor model.Actor, id int64, q Query) (b Bulletin, err error) {
	q.Limit, q.Depth, q.ByRate = 0, 0, false
	if b.Rates, _, err = s.Rates(ctx, actor, id, q); err != nil {
		return b, err
	}
	b.Text = strings.Join(b.paragraphs(), "\n")
	return b, nil
}

// Title is the headline of the notice.
func (b Bulletin) Title() string {
	title := fmt.Sprintf("关于“%s”%s参学情况的通报", b.Period.Series, b.Period.Name())
	if b.Frozen && b.Version > 1 {
		title += fmt.Sprintf("（更正，第%d版）", b.Version)
	}
	return title
}

// branches are the units that the notice lists: the branches below the unit, else what is right below it.
func (r Rates) branches() (list []model.PeriodCount) {
	for _, u := range r.Units {
		if (u.Kind == model.PartyBranch || u.Kind == model.LeagueBranch) && u.Due > 0 {
			list = append(list, u)
		}
	}
	if len(list) > 0 {
		return list
	}
	for _, u := range r.Units {
		if r.Depth(u) == 1 && u.Due > 0 {
			list = append(list, u)
		}
	}
	return list
}

func (b Bulletin) paragraphs() []string {
	return slices.Concat([]string{b.Title(), b.opening(), b.figures(b.Total.Name, b.Total.Rate)}, b.details(), b.closing())
}

func (b Bulletin) opening() string {
	const layout = "2006年1月2日15:04"
	p := b.Period
	asOf, closes := b.AsOf.Time().Format(layout), p.Cutoff().Time().Format(layout)
	began := fmt.Sprintf("“%s”%s", p.Series, p.Name())
	if p.Title != p.Name() {
		began += "（" + p.Title + "）"
	}
	began += "于" + p.OpensAt.Time().Format(layout) + "开始，"
	switch {
	case b.Frozen:
		return began + asOf + "截止。现将参学情况通报如下："
	case p.Correcting():
		return began + closes + "截止，现正在更正。截至" + asOf + "，参学情况如下："
	}
	return began + "将于" + closes + "截止。截至" + asOf + "，参学情况如下："
}

// figures are the figures of a unit in words.
func (b Bulletin) figures(name string, r model.Rate) string {
	if r.Due == 0 {
		return name + "：参学率" + undefinedRate + "。"
	}
	text := fmt.Sprintf("%s：应参学%d人，参学%d人，参学率%s%%", name, r.Due, r.Completed, *r.Percent())
	if r.Exempt > 0 {
		adjusted := undefinedRate
		if p := r.AdjustedPercent(); p != nil {
			adjusted = *p + "%"
		}
		text += fmt.Sprintf("；经批准免学%d人，除去后参学率%s", r.Exempt, adjusted)
	}
	if r.Late > 0 {
		text += fmt.Sprintf("；截止后补学%d人", r.Late)
	}
	t := b.Period.Threshold()
	switch met := t.Met(r); {
	case met == nil:
		return text + "。"
	case *met:
		return text + "，达到" + t.Percent() + "的要求。"
	}
	return text + fmt.Sprintf("，未达到%s的要求，还差%d人。", t.Percent(), t.Shortfall(r))
}

// details lists the branches in the order of the tree, never of their rates.
func (b Bulletin) details() (lines []string) {
	for i, u := range b.branches() {
		lines = append(lines, fmt.Sprintf("%d. %s", i+1, b.figures(u.Name, u.Rate)))
	}
	return lines
}

func (b Bulletin) closing() []string {
	t := b.Period.Threshold()
	var below []string
	decided := 0
	for _, u := range b.branches() {
		met := t.Met(u.Rate)
		if met == nil {
			continue
		}
		decided++
		if !*met {
			below = append(below, u.Name)
		}
	}
	switch {
	case decided == 0:
		return nil
	case len(below) == 0:
		return []string{"各支部参学率均达到" + t.Percent() + "以上。"}
	}
	return []string{fmt.Sprintf("参学率低于%s的支部（%d个）：%s。", t.Percent(), len(below), strings.Join(below, "、"))}
}

// Document is the notice as a file (.docx), with the table of the branches and their chart.
func (s *Service) Document(ctx context.Context, actor model.Actor, id int64, q Query) (name string, content []byte, err error) {
	b, err := s.Bulletin(ctx, actor, id, q)
	if err != nil {
		return "", nil, err
	}
	chart, err := b.chart().PNG()
	if err != nil {
		return "", nil, err
	}
	blocks := []office.Block{office.Paragraph{Text: b.opening()}, office.Paragraph{Text: b.figures(b.Total.Name, b.Total.Rate)}}
	if len(b.branches()) > 0 {
		blocks = append(blocks, b.grid(), office.Picture{PNG: chart, WidthCM: 15})
	}
	for _, text := range b.closing() {
		blocks = append(blocks, office.Paragraph{Text: text})
	}
	blocks = append(blocks, office.Note{Text: b.source()})
	content, err = office.Document{Title: b.Title(), Blocks: blocks}.DOCX()
	return b.fileName("通报", "docx"), content, err
}

func (b Bulletin) grid() office.Grid {
	g := office.Grid{Header: []string{"支部", "应参学", "免学", "参学", "补学", "参学率(%)", "除免学后(%)", "是否达标"}, Widths: []int{6, 2, 2, 2, 2, 3, 3, 3}}
	t := b.Period.Threshold()
	for _, u := range append(b.branches(), b.Total) {
		name := u.Name
		if u.UnitID == b.Total.UnitID {
			name = "合计"
		}
		g.Rows = append(g.Rows, []string{
			name, fmt.Sprint(u.Due), fmt.Sprint(u.Exempt), fmt.Sprint(u.Completed), fmt.Sprint(u.Late), textOf(u.Percent()),
			textOf(u.AdjustedPercent()), metText(t.Met(u.Rate)),
		})
	}
	return g
}

func textOf(percent *string) string {
	if percent == nil {
		return "—"
	}
	return *percent
}

func metText(met *bool) string {
	switch {
	case met == nil:
		return "—"
	case *met:
		return "是"
	}
	return "否"
}
