package cql2

import (
	"strings"
	"time"
)

// instantAt is a moment as a parameter beside values of a type, moved into that type's range.
func instantAt(micros int64, kind Type) expr {
	if kind == TimestampNano {
		const limit = 9_223_372_036_854_774 // microseconds, just inside 64 bits of nanoseconds
		micros = min(max(micros, -limit), limit)
		return expr{"CAST(? AS TIMESTAMP)::TIMESTAMP_NS", []any{time.UnixMicro(micros).UTC()}, TimestampNano}
	}
	return expr{"CAST(? AS TIMESTAMP)", []any{time.UnixMicro(micros).UTC()}, Timestamp}
}

// asMoment reads a literal beside an instant: a timestamp, a date, or a text that is one.
func asMoment(n Node) (Instant, bool) {
	switch n := n.(type) {
	case Instant:
		return n, true
	case String:
		if moment, err := instant(n.Text); err == nil {
			return moment.(Instant), true
		}
	}
	return Instant{}, false
}

func (c *compiler) compare(n Op) (expr, error) {
	operator := n.Name
	switch operator {
	case "eq":
		operator = "="
	case "neq":
		operator = "<>"
	}
	if len(n.Args) != 2 {
		return expr{}, bad("%q takes two values", operator)
	}
	return c.compareNodes(operator, n.Args[0], n.Args[1])
}

// compareNodes compares two expressions as what they are. A literal beside an instant is an instant.
func (c *compiler) compareNodes(operator string, a, b Node) (expr, error) {
	if _, literal := asMoment(a); literal {
		if _, both := asMoment(b); !both {
			mirrored := map[string]string{"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
			return c.compareNodes(mirrored[operator], b, a)
		}
	}
	left, err := c.value(a)
	if err != nil {
		return expr{}, err
	}
	if moment, ok := asMoment(b); ok && (left.kind.IsTime() || left.kind == Date || isInstant(b)) {
		return c.compareMoment(operator, left, moment)
	}
	if text, ok := b.(String); ok && (left.kind.IsTime() || left.kind == Date) {
		return expr{}, bad("%q, which is compared with a time, is no date or timestamp", shorten(text.Text))
	}
	right, err := c.value(b)
	if err != nil {
		return expr{}, err
	}
	if left, right, err = comparable(operator, left, right); err != nil {
		return expr{}, err
	}
	return apply(Bool, "(%s "+operator+" %s)", left, right), nil
}

func isInstant(n Node) bool {
	_, ok := n.(Instant)
	return ok
}

// asTime makes instants of dates and texts.
func asTime(e expr) (expr, bool) {
	switch e.kind {
	case Timestamp, TimestampNano:
		return e, true
	case Date:
		return apply(Timestamp, "CAST(%s AS TIMESTAMP)", e), true
	case Text:
		return apply(Timestamp, "TRY_CAST(%s AS TIMESTAMPTZ)", e), true
	}
	return e, false
}

// compareMoment compares instants with what a literal names: a date is its whole day, so that
// "= DATE('2025-06-01')" holds at noon and "> DATE('2025-06-01')" does not.
func (c *compiler) compareMoment(operator string, left expr, moment Instant) (expr, error) {
	left, ok := asTime(left)
	if !ok {
		return expr{}, bad("a %s cannot be compared with the time %q", left.kind, shorten(moment.Text))
	}
	first := instantAt(moment.First, left.kind)
	// The end of the last microsecond: instants are compared in microseconds.
	after := instantAt(moment.Last+1, left.kind)
	switch operator {
	case "=":
		return apply(Bool, "(%s >= %s AND %s < %s)", left, first, left, after), nil
	case "<>":
		return apply(Bool, "(%s < %s OR %s >= %s)", left, first, left, after), nil
	case "<":
		return apply(Bool, "(%s < %s)", left, first), nil
	case "<=":
		return apply(Bool, "(%s < %s)", left, after), nil
	case ">":
		return apply(Bool, "(%s >= %s)", left, after), nil
	}
	return apply(Bool, "(%s >= %s)", left, first), nil
}

// comparable checks that two values can be compared, and brings them to one type.
func comparable(operator string, left, right expr) (expr, expr, error) {
	leftTime := left.kind.IsTime() || left.kind == Date
	rightTime := right.kind.IsTime() || right.kind == Date
	switch {
	case leftTime || rightTime:
		a, okA := asTime(left)
		b, okB := asTime(right)
		if okA && okB {
			return a, b, nil
		}
	case left.kind == right.kind:
		switch left.kind {
		case Number, Text:
			return left, right, nil
		case Bool:
			if operator == "=" || operator == "<>" {
				return left, right, nil
			}
		case NumberList, TextList:
			return left, right, bad("lists are compared by a_equals, a_contains, a_containedBy and a_overlaps, not by %q", operator)
		}
	}
	return left, right, bad("a %s and a %s cannot be compared by %q", left.kind, right.kind, operator)
}

func (c *compiler) between(n Op) (expr, error) {
	if len(n.Args) != 3 {
		return expr{}, bad("between takes a value and two ends")
	}
	low, err := c.compareNodes(">=", n.Args[0], n.Args[1])
	if err != nil {
		return expr{}, err
	}
	high, err := c.compareNodes("<=", n.Args[0], n.Args[2])
	return apply(Bool, "(%s AND %s)", low, high), err
}

// in compares with each value; texts and numbers become one SQL IN.
func (c *compiler) in(n Op) (expr, error) {
	if len(n.Args) != 2 {
		return expr{}, bad("in takes a value and a list")
	}
	list, ok := n.Args[1].(List)
	if !ok {
		list = List{[]Node{n.Args[1]}}
	}
	if len(list.Items) == 0 {
		return expr{"false", nil, Bool}, nil
	}
	left, err := c.value(n.Args[0])
	if err != nil {
		return expr{}, err
	}
	if left.kind != Text && left.kind != Number {
		any := make([]Node, len(list.Items))
		for i, item := range list.Items {
			any[i] = Op{"=", []Node{n.Args[0], item}}
		}
		return c.junction(Op{"or", any})
	}
	parts := []expr{left}
	for _, item := range list.Items {
		right, err := c.value(item)
		if err != nil {
			return expr{}, err
		}
		if right.kind != left.kind {
			return expr{}, bad("a %s and a %s cannot be compared by in", left.kind, right.kind)
		}
		parts = append(parts, right)
	}
	return apply(Bool, "(%s IN ("+strings.Repeat("%s, ", len(parts)-2)+"%s))", parts...), nil
}
