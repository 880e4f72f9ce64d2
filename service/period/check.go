package period

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"zhibu/model"
)

// maxWindow is how long a period may be open.
const maxWindow = 366 * 24 * time.Hour

// The times a period may have: before 2000 nobody keeps records here, and after 2099 a year is mistyped.
const (
	firstDay model.Date = "2000-01-01"
	lastDay  model.Date = "2100-01-01"
)

func check(p Plan) error {
	var faults []model.FieldError
	fault := func(field, code, message string) {
		faults = append(faults, model.FieldError{Field: field, Code: code, Message: message})
	}
	line := func(field, value, name string, most int) {
		switch n := utf8.RuneCountInString(model.CleanLine(value)); {
		case n == 0:
			fault(field, "required", "请填写"+name)
		case n > most: // composing may make a text longer than it came
			fault(field, "too_long", name+"最多 "+strconv.Itoa(most)+" 个字")
		}
	}
	line("series", p.Series, "系列名称", 60)
	line("title", p.Title, "标题", 100)
	if p.Number != nil && (*p.Number < 1 || *p.Number > 9999) {
		fault("number", "invalid_value", "期数须在 1 至 9999 之间；特辑请不填期数")
	}
	if p.ThresholdBP < 1 || p.ThresholdBP > 10000 {
		fault("threshold_bp", "invalid_value", "达标线须在 1 至 10000 之间（万分比，8500 即 85%）")
	}
	if link := strings.TrimSpace(p.Link); link != "" && !isHTTPS(link) {
		fault("link", "invalid_value", "学习链接须以 https:// 开头")
	}
	switch earliest, latest := firstDay.Start(), lastDay.Start(); {
	case p.OpensAt < earliest || p.OpensAt >= latest:
		fault("opens_at", "invalid_range", "时间须在 2000 年至 2099 年之间")
	case p.ClosesAt <= p.OpensAt:
		fault("closes_at", "invalid_range", "截止时间须晚于开始时间")
	case p.ClosesAt > p.OpensAt.Add(maxWindow) || p.ClosesAt >= latest:
		fault("closes_at", "too_long", "一期学习最长一年")
	}
	faults = append(faults, checkQuiz(p.Quiz)...)
	if len(faults) > 0 {
		return model.InvalidFields(faults...)
	}
	return nil
}

func isHTTPS(link string) bool {
	u, err := url.Parse(link)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// maxOption is how long an option of a quiz may be.
const maxOption = 200

func checkQuiz(q *model.Quiz) (faults []model.FieldError) {
	if q == nil {
		return nil
	}
	fault := func(field, message string) {
		faults = append(faults, model.FieldError{Field: "quiz." + field, Code: "invalid_value", Message: message})
	}
	if len(q.Questions) == 0 {
		fault("questions", "请至少出一道题")
	}
	if q.Pass < 0 || q.Pass > len(q.Questions) {
		fault("pass", "及格题数不能多于题数")
	}
	for i, question := range q.Questions {
		at := "questions[" + strconv.Itoa(i) + "]"
		if strings.TrimSpace(question.Text) == "" {
			fault(at+".text", "请填写题目")
		}
		if len(question.Options) < 2 || slices.ContainsFunc(question.Options, func(o string) bool { return strings.TrimSpace(o) == "" }) {
			fault(at+".options", "每题至少两个选项，选项不能为空")
		}
		if slices.ContainsFunc(question.Options, func(o string) bool { return utf8.RuneCountInString(o) > maxOption }) {
			fault(at+".options", "选项最多 200 个字")
		}
		if question.Answer < 0 || question.Answer >= len(question.Options) {
			fault(at+".answer", "正确答案须是选项之一（从 0 数起）")
		}
	}
	return faults
}
