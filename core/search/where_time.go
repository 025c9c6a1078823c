package search

import (
	"context"
	"fmt"
	"time"

	"cogweave/core/search/cql2"
)

// nullDatetimes tells whether some item has no datetime; it is asked once for each opened source.
func (d *database) nullDatetimes(ctx context.Context, datetime cql2.Property) (bool, error) {
	return once(&d.facts, &d.facts.nullDatetimes, func() (bool, error) {
		s := &statement{}
		s.add("SELECT count(*) - count(" + datetime.SQL + ") FROM ").with(datetime.Args...)
		s.add(d.from + " AS t").with(d.fromArgs...)
		counts, err := d.counts(ctx, s)
		return err == nil && counts[0] > 0, err
	})
}

// timeConditions keep the items whose datetime lies in [start, end], and those without one whose
// start_datetime to end_datetime overlaps it.
func (d *database) timeConditions(ctx context.Context, start, end *int64, s *statement) ([]expression, error) {
	if start == nil && end == nil {
		return nil, nil
	}
	datetime, hasDatetime, err := d.timeProperty(ctx, "datetime")
	if err != nil {
		return nil, err
	}
	from, hasFrom, err := d.timeProperty(ctx, "start_datetime")
	if err != nil {
		return nil, err
	}
	if !hasDatetime {
		return d.overlap(ctx, from, hasFrom, start, end)
	}
	instant := append(atLeast(datetime, start), atMost(datetime, end)...)
	if !hasFrom {
		return instant, nil
	}
	null := func(ctx context.Context) (bool, error) { return d.nullDatetimes(ctx, datetime) }
	if !presumed(s, &d.facts.nullDatetimes, null) {
		return instant, nil
	}
	overlap, err := d.overlap(ctx, from, true, start, end)
	if err != nil {
		return nil, err
	}
	a, b := allOf(instant), allOf(overlap)
	either := expression{sql: fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN %s ELSE %s END", datetime.SQL, a.sql, b.sql)}
	for _, args := range [][]any{datetime.Args, a.args, b.args} {
		either.args = append(either.args, args...)
	}
	return []expression{either}, nil
}

// overlap keeps the items whose interval has an instant in common with [start, end].
func (d *database) overlap(ctx context.Context, from cql2.Property, hasFrom bool, start, end *int64) ([]expression, error) {
	if !hasFrom {
		return []expression{{sql: "false"}}, nil
	}
	to, hasTo, err := d.timeProperty(ctx, "end_datetime")
	if err != nil {
		return nil, err
	}
	if !hasTo {
		to = from
	} else {
		to = cql2.Property{
			SQL: fmt.Sprintf("coalesce(%s, %s)", to.SQL, from.SQL), Type: to.Type,
			Args: append(append([]any{}, to.Args...), from.Args...),
		}
	}
	return append(atMost(from, end), atLeast(to, start)...), nil
}

// timeProperty looks up a property that holds instants; one of another type counts as absent.
func (d *database) timeProperty(ctx context.Context, name string) (cql2.Property, bool, error) {
	p, found, err := d.lookUp(ctx, name)
	if err != nil || !found {
		return p, false, err
	}
	if p.Type == cql2.Date {
		p.SQL, p.Type = "CAST("+p.SQL+" AS TIMESTAMP)", cql2.Timestamp
	}
	return p, p.Type.IsTime(), nil
}

func atLeast(p cql2.Property, micros *int64) []expression {
	if micros == nil {
		return nil
	}
	return []expression{compareTime(p, ">=", *micros)}
}

// atMost compares nanoseconds with the end of the microsecond: instants are compared in microseconds.
func atMost(p cql2.Property, micros *int64) []expression {
	if micros == nil {
		return nil
	}
	if p.Type == cql2.TimestampNano {
		return []expression{compareTime(p, "<", *micros+1)}
	}
	return []expression{compareTime(p, "<=", *micros)}
}

func compareTime(p cql2.Property, operator string, micros int64) expression {
	return expression{
		fmt.Sprintf("%s %s CAST(? AS TIMESTAMP)", p.SQL, operator),
		append(append([]any{}, p.Args...), timeArgument(p.Type, micros)),
	}
}

// timeArgument is an instant as a parameter beside values of a type, moved into the type's range.
func timeArgument(t cql2.Type, micros int64) time.Time {
	if t == cql2.TimestampNano {
		const limit = 9_223_372_036_854_774 // microseconds, just inside 64 bits of nanoseconds
		micros = min(max(micros, -limit), limit)
	}
	return time.UnixMicro(micros).UTC()
}
