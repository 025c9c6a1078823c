package search

import (
	"cogweave/core/search/region"
)

// candidates lists the row groups that statistics cannot exclude.
func (f *footer) candidates(q *Query, regions []*region.Region) []int {
	var groups []int
	for g := range f.meta.RowGroups {
		if f.meta.RowGroups[g].NumRows == 0 || f.excludedByTime(g, q) || excludedByTexts(f.texts(g, "id"), q.IDs) ||
			excludedByTexts(f.texts(g, "collection"), q.Collections) || f.excludedBySpace(g, regions) {
			continue
		}
		groups = append(groups, g)
	}
	return groups
}

// excludedByTime: every item of the row group has a datetime, and all lie outside.
func (f *footer) excludedByTime(group int, q *Query) bool {
	return outside(f.instants(group, "datetime"), q)
}

func outside(s span[int64], q *Query) bool {
	return s.ok && ((q.Start != nil && s.high < *q.Start) || (q.End != nil && s.low > *q.End))
}

func excludedByTexts(s span[string], wanted []string) bool {
	if !s.ok || wanted == nil {
		return false
	}
	for _, text := range wanted {
		// A bound may have been cut: what begins with it may be there.
		if text >= s.low && (text <= s.high || text[:min(len(text), len(s.high))] == s.high) {
			return false
		}
	}
	return true
}

// excludedBySpace: no box of the row group meets one of the regions.
func (f *footer) excludedBySpace(group int, regions []*region.Region) bool {
	return apart(f.boxes(group, "xmin"), f.boxes(group, "ymin"), f.boxes(group, "xmax"), f.boxes(group, "ymax"), regions)
}

func apart(west, south, east, north span[float64], regions []*region.Region) bool {
	if !west.ok || !south.ok || !east.ok || !north.ok {
		return false
	}
	// Boxes across the antimeridian: west of them lies east of east, or they go on beyond 180 degrees.
	wrapped := west.high-east.low > 180 || east.high > 180 || west.low < -180
	for _, r := range regions {
		meets := false
		for _, b := range r.Bounds() {
			if south.low <= b[3] && north.high >= b[1] && (wrapped || (west.low <= b[2] && east.high >= b[0])) {
				meets = true
			}
		}
		if !meets {
			return true
		}
	}
	return false
}
