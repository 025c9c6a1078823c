package search

import (
	"context"
	"fmt"

	"cogweave/core/search/region"

	"github.com/apache/arrow-go/v18/arrow"
)

// boxColumns are the four sides of the bbox column as SQL, or empty where there is no such column.
type boxColumns struct{ west, south, east, north string }

// box finds the sides: fields of a struct, or places in a list of four numbers, or of six with heights.
func (c *columns) box() boxColumns {
	switch t := c.column("bbox").(type) {
	case *arrow.StructType:
		for _, name := range []string{"xmin", "ymin", "xmax", "ymax"} {
			if _, ok := t.FieldByName(name); !ok {
				return boxColumns{}
			}
		}
		return boxColumns{`t."bbox"."xmin"`, `t."bbox"."ymin"`, `t."bbox"."xmax"`, `t."bbox"."ymax"`}
	case arrow.ListLikeType:
		return listBox(`t."bbox"`)
	case *arrow.StringType:
		return listBox(`TRY_CAST(t."bbox" AS DOUBLE[])`)
	}
	return boxColumns{}
}

func listBox(list string) boxColumns {
	half := fmt.Sprintf("(len(%s) // 2)", list)
	return boxColumns{
		list + "[1]", list + "[2]",
		fmt.Sprintf("%s[%s + 1]", list, half), fmt.Sprintf("%s[%s + 2]", list, half),
	}
}

func (b boxColumns) exist() bool { return b.west != "" }

// missing is SQL that holds for items without a box: null, or NaN, which is what geopandas makes of a geometry that is
// null or empty. NaN is greater than every number to DuckDB.
func (b boxColumns) missing() string {
	return fmt.Sprintf("coalesce(isnan(CAST(%s + %s AS DOUBLE)), true)", b.west, b.east)
}

// spaceFacts is what decides how boxes must be compared. A plain comparison lets DuckDB skip row
// groups; the general ones do not.
type spaceFacts struct {
	wrapped bool // some box crosses the antimeridian, lies beyond 180 degrees or is wider than that
	missing bool // some item has no box
}

// space looks at the boxes once for each opened source.
func (d *database) space(ctx context.Context) (spaceFacts, error) {
	return once(&d.facts, &d.facts.space, func() (spaceFacts, error) {
		b := d.columns.box()
		s := &statement{}
		s.add(fmt.Sprintf("SELECT CAST(coalesce(bool_or(%[1]s > %[2]s OR %[2]s > 180 OR %[1]s < -180 OR %[2]s - %[1]s > 180) FILTER (WHERE NOT %[4]s), false) AS BIGINT), "+
			"count(*) FILTER (WHERE %[4]s) FROM %[3]s AS t", b.west, b.east, d.from, b.missing())).with(d.fromArgs...)
		counts, err := d.counts(ctx, s)
		if err != nil {
			return spaceFacts{}, err
		}
		return spaceFacts{wrapped: counts[0] > 0, missing: counts[1] > 0}, nil
	})
}

// spaceConditions keep the items that touch a region.
func (d *database) spaceConditions(ctx context.Context, r *region.Region, s *statement) ([]expression, error) {
	exact := expression{}
	if t := d.columns.column("geometry"); t != nil && isBinary(t) {
		number, leave := d.footprint.enter(r.TouchesWKB)
		s.cleanup = append(s.cleanup, leave)
		exact = expression{fmt.Sprintf(`CASE WHEN t."geometry" IS NULL THEN true ELSE %s(t."geometry", ?) END`, footprintFunction), []any{number}}
	}
	b := d.columns.box()
	if d.boxOnly && b.exist() {
		exact = expression{}
	}
	if !b.exist() {
		if exact.sql == "" {
			return nil, nil // nothing is known of footprints: the rasters' outlines decide
		}
		return []expression{exact}, nil
	}
	facts := presumed(s, &d.facts.space, d.space)
	conditions := boxConditions(b, r, facts, exact.sql != "")
	if exact.sql != "" {
		conditions = append(conditions, b.unlessInside(r, exact))
	}
	return conditions, nil
}

// boxConditions compare the boxes with the region's bounds. Where an exact test follows, boxes wider than
// half the globe are left to it: writers make them of footprints that cross 180 degrees unsplit.
func boxConditions(b boxColumns, r *region.Region, facts spaceFacts, exact bool) []expression {
	bounds := r.Bounds()
	south, north := bounds[0][1], bounds[0][3]
	conditions := []expression{
		{b.south + " <= CAST(? AS DOUBLE)", []any{north}},
		{b.north + " >= CAST(? AS DOUBLE)", []any{south}},
	}
	if len(bounds) == 1 && !facts.wrapped {
		conditions = append(conditions,
			expression{b.west + " <= CAST(? AS DOUBLE)", []any{bounds[0][2]}},
			expression{b.east + " >= CAST(? AS DOUBLE)", []any{bounds[0][0]}})
	} else {
		x := anyTurn(b, bounds, facts.wrapped)
		if facts.wrapped && exact {
			x.sql += fmt.Sprintf(" OR %s - %s > 180", b.east, b.west)
		}
		conditions = append(conditions, x)
	}
	if facts.missing {
		all := allOf(conditions)
		return []expression{{b.missing() + " OR (" + all.sql + ")", all.args}}
	}
	return conditions
}

// anyTurn accepts a box that overlaps one of the bounds where it is or, if boxes may be wrapped, a turn
// further east or west.
func anyTurn(b boxColumns, bounds [][4]float64, wrapped bool) expression {
	turns := []float64{0}
	east := b.east
	if wrapped {
		turns = []float64{-360, 0, 360}
		east = fmt.Sprintf("(%[2]s + CASE WHEN %[1]s > %[2]s THEN 360 ELSE 0 END)", b.west, b.east)
	}
	out := expression{}
	for _, bound := range bounds {
		for _, turn := range turns {
			if out.sql != "" {
				out.sql += " OR "
			}
			out.sql += fmt.Sprintf("(%s <= CAST(? AS DOUBLE) AND %s >= CAST(? AS DOUBLE))", b.west, east)
			out.args = append(out.args, bound[2]+turn, bound[0]+turn)
		}
	}
	return out
}

// unlessInside runs the exact test only for boxes that are not wholly inside a rectangle that lies in the region.
func (b boxColumns) unlessInside(r *region.Region, exact expression) expression {
	rect, ok := r.Inner()
	if !ok {
		return exact
	}
	return expression{
		fmt.Sprintf("CASE WHEN %[1]s >= CAST(? AS DOUBLE) AND %[2]s <= CAST(? AS DOUBLE) AND %[3]s >= CAST(? AS DOUBLE) AND %[4]s <= CAST(? AS DOUBLE) AND %[1]s <= %[2]s THEN true ELSE %[5]s END",
			b.west, b.east, b.south, b.north, exact.sql),
		append([]any{rect[0], rect[2], rect[1], rect[3]}, exact.args...),
	}
}
