package cql2

// span is an argument of a temporal operator: from its first to its last instant. An open end is nil.
type span struct{ first, last *expr }

// relations say how ends compare: each is a conjunction of {end of A, operator, end of B}, where f is
// the first instant and l the last.
var relations = map[string][][3]string{
	"t_after":        {{"f", ">", "l"}},
	"t_before":       {{"l", "<", "f"}},
	"t_contains":     {{"f", "<", "f"}, {"l", ">", "l"}},
	"t_during":       {{"f", ">", "f"}, {"l", "<", "l"}},
	"t_equals":       {{"f", "=", "f"}, {"l", "=", "l"}},
	"t_finishedby":   {{"f", "<", "f"}, {"l", "=", "l"}},
	"t_finishes":     {{"f", ">", "f"}, {"l", "=", "l"}},
	"t_intersects":   {{"f", "<=", "l"}, {"l", ">=", "f"}},
	"t_meets":        {{"l", "=", "f"}},
	"t_metby":        {{"f", "=", "l"}},
	"t_overlappedby": {{"f", ">", "f"}, {"f", "<", "l"}, {"l", ">", "l"}},
	"t_overlaps":     {{"f", "<", "f"}, {"l", ">", "f"}, {"l", "<", "l"}},
	"t_startedby":    {{"f", "=", "f"}, {"l", ">", "l"}},
	"t_starts":       {{"f", "=", "f"}, {"l", "<", "l"}},
}

func (c *compiler) temporal(n Op) (expr, error) {
	name, negated := n.Name, false
	switch name {
	case "t_disjoint":
		name, negated = "t_intersects", true
	case "anyinteracts":
		name = "t_intersects"
	}
	conditions, ok := relations[name]
	if !ok {
		return expr{}, bad("the temporal operator %q is not known", shorten(n.Name))
	}
	if len(n.Args) != 2 {
		return expr{}, bad("%s takes two times", n.Name)
	}
	a, err := c.span(n.Args[0], n.Name)
	if err != nil {
		return expr{}, err
	}
	b, err := c.span(n.Args[1], n.Name)
	if err != nil {
		return expr{}, err
	}
	out := expr{"true", nil, Bool}
	for _, condition := range conditions {
		out = apply(Bool, "(%s AND %s)", out, compareEnds(a, condition[0], condition[1], b, condition[2]))
	}
	if negated {
		out = apply(Bool, "(NOT %s)", out)
	}
	return out, nil
}

// span compiles an instant, a property of instants, or an interval.
func (c *compiler) span(n Node, operator string) (span, error) {
	if interval, ok := n.(Interval); ok {
		first, err := c.end(interval.Start, false, operator)
		if err != nil {
			return span{}, err
		}
		last, err := c.end(interval.End, true, operator)
		return span{first, last}, err
	}
	first, err := c.end(n, false, operator)
	if err != nil {
		return span{}, err
	}
	last, err := c.end(n, true, operator)
	return span{first, last}, err
}

func (c *compiler) end(n Node, last bool, operator string) (*expr, error) {
	if _, open := n.(Open); open {
		return nil, nil
	}
	if moment, ok := asMoment(n); ok {
		micros := moment.First
		if last {
			micros = moment.Last
		}
		e := instantAt(micros, Timestamp)
		return &e, nil
	}
	e, err := c.value(n)
	if err != nil {
		return nil, err
	}
	e, ok := asTime(e)
	if !ok {
		return nil, bad("%s takes times, not a %s", operator, e.kind)
	}
	if e.kind == TimestampNano {
		// Down to the microsecond, in which instants are compared.
		e = apply(Timestamp, "CAST(%s AS TIMESTAMP)", e)
	}
	return &e, nil
}

// compareEnds compares one end of a with one of b; an open end lies before or after every instant, and
// equals the same open end only.
func compareEnds(a span, endA, operator string, b span, endB string) expr {
	pick := func(s span, end string) (*expr, int) {
		if end == "f" {
			return s.first, -1
		}
		return s.last, 1
	}
	left, leftSide := pick(a, endA)
	right, rightSide := pick(b, endB)
	if left != nil && right != nil {
		return apply(Bool, "(%s "+operator+" %s)", *left, *right)
	}
	order := 0
	if left == nil {
		order += leftSide
	}
	if right == nil {
		order -= rightSide
	}
	holds := map[string]bool{"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "=": order == 0}
	if holds[operator] {
		return expr{"true", nil, Bool}
	}
	return expr{"false", nil, Bool}
}
