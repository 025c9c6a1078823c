package core

import (
	"strings"
	"time"
)

// What a time axis can hold, microseconds: whole years of 64 bits of nanoseconds.
const (
	firstInstant = -9214560000000000 // 1678-01-01
	lastInstant  = 9214646399999999  // the last of 2261
)

// ParseInterval reads a STAC datetime argument: an instant or a partial date ("2025", "2025-06",
// "2025-06-01", "2025-06-01T10", "2025-06-01T10:30"), or two of them with a slash between, where an
// end that is ".." or empty is open. It gives the first and the last microsecond that the text means,
// both inclusive; nil is an open end. Times without an offset are UTC.
func ParseInterval(text string) (start, end *int64, err error) {
	from, to, isInterval := strings.Cut(strings.TrimSpace(text), "/")
	if !isInterval {
		to = from
		if isOpen(from) {
			return nil, nil, badDatetime(text, "names no time")
		}
	}
	if strings.Contains(to, "/") {
		return nil, nil, badDatetime(text, "has more than one slash")
	}
	if !isOpen(from) {
		first, _, err := parsePartial(from)
		if err != nil {
			return nil, nil, badDatetime(text, err.Message)
		}
		start = &first
	}
	if !isOpen(to) {
		_, last, err := parsePartial(to)
		if err != nil {
			return nil, nil, badDatetime(text, err.Message)
		}
		end = &last
	}
	if start != nil && end != nil && *start > *end {
		return nil, nil, badDatetime(text, "ends before it starts")
	}
	return start, end, nil
}

// ParseInstant reads an RFC 3339 date and time, or a date alone (its midnight), as microseconds.
// Digits beyond the microsecond are dropped; a time without an offset is UTC.
func ParseInstant(text string) (int64, error) {
	first, _, err := parsePartial(text)
	if err != nil {
		return 0, badDatetime(text, err.Message)
	}
	return first, nil
}

func isOpen(text string) bool { return text == "" || text == ".." }

func badDatetime(text, why string) *Error {
	if len(text) > 80 {
		text = text[:80] + "..."
	}
	return Errorf(InvalidArgument, "Datetime", "datetime %q %s", text, why)
}

// dateParts are the fields of a date and time, as many as the text has.
type dateParts struct {
	year, month, day, hour, minute, second int
	micros                                 int64
	offset                                 int64 // seconds east of UTC
	has                                    int   // 1 year, 2 month, ... 6 second
}

// parsePartial gives the first and the last microsecond of what the text names: a whole year, month,
// day, hour or minute, or one instant where the text has seconds.
func parsePartial(text string) (first, last int64, err *Error) {
	p, ok := scanDate(text)
	if !ok {
		return 0, 0, &Error{Message: "is not an RFC 3339 time or a partial date (\"2025-06\")"}
	}
	if !p.valid() {
		return 0, 0, &Error{Message: "has a field out of range"}
	}
	at := func(p dateParts) int64 {
		t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, 0, time.UTC)
		return (t.Unix()-p.offset)*1e6 + p.micros
	}
	first = at(p)
	next := p
	switch p.has {
	case 1:
		next.year++
	case 2:
		next.month++
	case 3:
		next.day++
	case 4:
		next.hour++
	case 5:
		next.minute++
	default:
		return first, first, nil
	}
	return first, at(next) - 1, nil
}

func (p dateParts) valid() bool {
	if p.month < 1 || p.month > 12 || p.day < 1 || p.hour > 23 || p.minute > 59 || p.second > 60 {
		return false
	}
	// Day 0 of the next month is the last of this one.
	if p.day > time.Date(p.year, time.Month(p.month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return false
	}
	return p.offset > -24*3600 && p.offset < 24*3600
}

// scanDate splits the text into its fields; ok is false where the text has another form.
func scanDate(text string) (p dateParts, ok bool) {
	p = dateParts{month: 1, day: 1}
	s := dateScanner{rest: text}
	p.year, p.has = s.digits(4), 1
	if s.accept("-") {
		p.month, p.has = s.digits(2), 2
		if s.accept("-") {
			p.day, p.has = s.digits(2), 3
			if s.accept("Tt ") {
				p.hour, p.has = s.digits(2), 4
				s.clock(&p)
			}
		}
	}
	return p, !s.failed && s.rest == ""
}

// dateScanner reads a date from left to right.
type dateScanner struct {
	rest   string
	failed bool
}

// clock reads what may follow the hour: minute, second, fraction, offset.
func (s *dateScanner) clock(p *dateParts) {
	if s.accept(":") {
		p.minute, p.has = s.digits(2), 5
		if s.accept(":") {
			p.second, p.has = s.digits(2), 6
			if s.accept(".,") {
				p.micros = s.fraction()
			}
		}
	}
	switch {
	case s.accept("Zz"):
	case strings.HasPrefix(s.rest, "+") || strings.HasPrefix(s.rest, "-"):
		sign := int64(1)
		if s.rest[0] == '-' {
			sign = -1
		}
		s.rest = s.rest[1:]
		hours := s.digits(2)
		minutes := 0
		if s.accept(":") || s.rest != "" { // "+02" is what databases print
			minutes = s.digits(2)
		}
		s.failed = s.failed || minutes > 59
		p.offset = sign * int64(hours*3600+minutes*60)
	}
}

func (s *dateScanner) accept(set string) bool {
	if s.rest == "" || !strings.Contains(set, s.rest[:1]) {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *dateScanner) digits(n int) int {
	if len(s.rest) < n {
		s.failed = true
		return 0
	}
	value := 0
	for _, c := range []byte(s.rest[:n]) {
		if c < '0' || c > '9' {
			s.failed = true
			return 0
		}
		value = value*10 + int(c-'0')
	}
	s.rest = s.rest[n:]
	return value
}

// fraction reads decimals of a second, as whole microseconds.
func (s *dateScanner) fraction() int64 {
	n, micros := 0, int64(0)
	for n < len(s.rest) && s.rest[n] >= '0' && s.rest[n] <= '9' {
		if n < 6 {
			micros = micros*10 + int64(s.rest[n]-'0')
		}
		n++
	}
	s.failed = s.failed || n == 0 || n > 18
	for i := n; i < 6; i++ {
		micros *= 10
	}
	s.rest = s.rest[n:]
	return micros
}

// FormatInstant writes microseconds as RFC 3339 in UTC, with a fraction only where there is one.
func FormatInstant(micros int64) string {
	layout := "2006-01-02T15:04:05Z"
	if floorMod(micros, 1e6) != 0 {
		layout = "2006-01-02T15:04:05.000000Z"
	}
	return time.UnixMicro(micros).UTC().Format(layout)
}

// floorDiv is the quotient rounded towards minus infinity; b must be positive.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }

// instantInRange tells whether a time axis can hold an instant.
func instantInRange(micros int64) bool { return micros >= firstInstant && micros <= lastInstant }

// labelInRange is instantInRange for starts of periods, which may lie a day before (solar days).
func labelInRange(micros int64) bool { return micros >= firstInstant-day && micros <= lastInstant }
