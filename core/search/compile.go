package search

import (
	"context"
	"slices"
	"strings"

	"cogweave/core"
	"cogweave/core/search/cql2"
	"cogweave/core/search/region"

	"github.com/apache/arrow-go/v18/arrow"
)

// compile makes the statement that answers a query.
func (d *database) compile(ctx context.Context, q *Query, regions []*region.Region) (s *statement, err error) {
	s = &statement{}
	defer func() {
		if err != nil {
			s.release()
			s = nil
		}
	}()
	if err = d.selectList(ctx, q, s); err != nil {
		return s, err
	}
	s.add(" FROM " + d.from + " AS t").with(d.fromArgs...)
	conditions, err := d.conditions(ctx, q, regions, s)
	if err != nil {
		return s, err
	}
	if len(conditions) > 0 {
		where := allOf(conditions)
		s.add(" WHERE " + where.sql).with(where.args...)
	}
	if err = d.orderBy(ctx, q, s); err != nil {
		return s, err
	}
	if q.Limit > 0 {
		s.add(" LIMIT ?").with(int64(q.Limit))
	}
	return s, nil
}

// conditions are what every item must fulfil, the cheap and selective ones first.
func (d *database) conditions(ctx context.Context, q *Query, regions []*region.Region, s *statement) ([]expression, error) {
	var all []expression
	for _, list := range []struct {
		name   string
		values []string
	}{{"id", q.IDs}, {"collection", q.Collections}} {
		if list.values == nil {
			continue
		}
		p, err := d.resolve(ctx, list.name, list.name+"s")
		if err != nil {
			return nil, err
		}
		all = append(all, oneOf(p, list.values))
		s.joined = s.joined || len(list.values) > cql2.MostInline
	}
	times, err := d.timeConditions(ctx, q.Start, q.End, s)
	if err != nil {
		return nil, err
	}
	all = append(all, times...)
	for _, r := range regions {
		space, err := d.spaceConditions(ctx, r, s)
		if err != nil {
			return nil, err
		}
		all = append(all, space...)
	}
	if q.hasFilter() {
		filter, err := d.filter(ctx, q.Filter, s)
		if err != nil {
			return nil, err
		}
		all = append(all, filter)
	}
	return all, nil
}

// manyValues is where a list of parameters stops paying: a longer list is one parameter.
const manyValues = 500

// oneOf compares a property with a list of texts. Short lists let DuckDB skip row groups.
func oneOf(p cql2.Property, values []string) expression {
	e := expression{args: slices.Clone(p.Args)}
	switch {
	case len(values) == 0:
		return expression{sql: "false"}
	case len(values) <= manyValues:
		const value = "CAST(? AS VARCHAR)"
		e.sql = p.SQL + " IN (" + value + strings.Repeat(", "+value, len(values)-1) + ")"
		for _, v := range values {
			e.args = append(e.args, v)
		}
	default:
		e.sql = p.SQL + " IN (SELECT unnest(CAST(? AS VARCHAR[])))"
		e.args = append(e.args, values)
	}
	return e
}

// orderBy gives the order of the source, or of the sort keys and then the source. Without keys DuckDB
// keeps the order by itself, unless a list of values makes it join.
func (d *database) orderBy(ctx context.Context, q *Query, s *statement) error {
	if len(q.SortBy) == 0 && !s.joined {
		return nil
	}
	s.add(" ORDER BY ")
	for _, key := range q.SortBy {
		p, err := d.resolve(ctx, key.Property, "sortby")
		if err != nil {
			return err
		}
		switch p.Type {
		case cql2.Other, cql2.Geometry, cql2.NumberList, cql2.TextList:
			return core.Errorf(core.InvalidArgument, "SortBy", "sortby: property %q is a %s, which has no order", key.Property, p.Type)
		}
		s.add(p.SQL).with(p.Args...)
		if key.Descending {
			s.add(" DESC NULLS LAST, ")
		} else {
			s.add(" ASC NULLS LAST, ")
		}
	}
	s.add(d.order)
	return nil
}

// structFields lists the fields of a struct; of another type it has none.
func structFields(t arrow.DataType) []string {
	if t, ok := t.(*arrow.StructType); ok {
		return fieldNames(t)
	}
	return nil
}
