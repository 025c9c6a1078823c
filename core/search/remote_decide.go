package search

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"cogweave/core"
	"cogweave/core/search/cql2"
	"cogweave/core/search/region"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Which row groups of remote files hold what a query wants: the columns that its conditions are about are fetched
// first, and of the others only the row groups in which some item matches.

// decide keeps the row groups in which an item fulfils a query's conditions. What was found out for a version of
// the files holds as long as that.
func (s mixedSource) decide(ctx context.Context, e *Engine, parts []part, deciding []string, q *Query, regions []*region.Region) error {
	// The regions say where; what is wanted of the items decides nothing.
	asked, err := json.Marshal(Query{Start: q.Start, End: q.End, IDs: q.IDs, Collections: q.Collections,
		Filter: q.Filter, SortBy: q.SortBy, Limit: q.Limit})
	if err != nil {
		return core.Errorf(core.InvalidArgument, "Filter", "filter: is no JSON: %w", err)
	}
	key, versions := string(asked), true
	for _, r := range regions {
		key += "\x00" + r.Key()
	}
	for i := range parts {
		key += "\x00" + parts[i].id()
		versions = versions && (parts[i].footer == nil || parts[i].footer.asset.ETag != "")
	}
	e.mu.Lock()
	groups, known := e.decisions[key]
	e.mu.Unlock()
	if !known || !versions {
		if groups, err = s.matching(ctx, e, parts, deciding, q, regions); err != nil {
			return err
		}
		e.mu.Lock()
		if e.decisions == nil || len(e.decisions) >= mostDecisions {
			e.decisions = map[string][][]int{}
		}
		e.decisions[key] = groups
		e.mu.Unlock()
	}
	for i := range parts {
		parts[i].groups = groups[i]
	}
	return nil
}

// matching fetches the columns that a query's conditions are about, and gives the row groups of each file where an
// item fulfils them.
func (s mixedSource) matching(ctx context.Context, e *Engine, parts []part, deciding []string, q *Query, regions []*region.Region) ([][]int, error) {
	rough := slices.Clone(parts)
	for i := range rough {
		if p := &rough[i]; p.footer != nil {
			p.columns = p.footer.present(deciding)
		}
	}
	e.mu.Lock()
	config := e.config
	e.mu.Unlock()
	db, err := s.openParts(ctx, config, rough)
	if err != nil {
		return nil, err
	}
	defer db.close()
	db.boxOnly = len(regions) > 0 && !slices.Contains(deciding, "geometry")
	matching, err := db.places(ctx, q, regions)
	if err != nil {
		return nil, err
	}
	groups := make([][]int, len(parts))
	for i := range parts {
		p := &parts[i]
		if p.footer == nil {
			continue
		}
		end, rows := int64(0), matching[i]
		for _, g := range p.groups {
			start := end
			end += p.footer.meta.RowGroups[g].NumRows
			if slices.ContainsFunc(rows, func(row int64) bool { return row >= start && row < end }) {
				groups[i] = append(groups[i], g)
			}
		}
	}
	return groups, nil
}

// places gives the rows that fulfil a query's conditions, per file.
func (d *database) places(ctx context.Context, q *Query, regions []*region.Region) (map[int][]int64, error) {
	for {
		s, err := d.compilePlaces(ctx, q, regions)
		if err != nil {
			return nil, err // never errNoItems: row groups have rows
		}
		result, err := d.presuming(ctx, s)
		s.release()
		if err != nil || result != nil {
			return placesOf(result), err
		}
	}
}

// compilePlaces makes the statement of places.
func (d *database) compilePlaces(ctx context.Context, q *Query, regions []*region.Region) (s *statement, err error) {
	s = &statement{}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	s.add("SELECT CAST(file_index AS BIGINT), CAST(file_row_number AS BIGINT) FROM " + d.from + " AS t").with(d.fromArgs...)
	conditions, err := d.conditions(ctx, q, regions, s)
	if err != nil {
		return nil, err
	}
	if len(conditions) > 0 {
		where := allOf(conditions)
		s.add(" WHERE " + where.sql).with(where.args...)
	}
	if !d.boxOnly && q.Limit > 0 {
		if err := d.orderBy(ctx, q, s); err != nil {
			return nil, err
		}
		s.add(" LIMIT ?").with(int64(q.Limit))
	}
	return s, nil
}

// placesOf reads the rows of an answer to places, and releases it.
func placesOf(result *Result) map[int][]int64 {
	if result == nil {
		return nil
	}
	defer result.Release()
	rows := map[int][]int64{}
	for _, batch := range result.Batches {
		files, at := batch.Column(0).(*array.Int64), batch.Column(1).(*array.Int64)
		for i := range files.Len() {
			rows[int(files.Value(i))] = append(rows[int(files.Value(i))], at.Value(i))
		}
	}
	return rows
}

// decidingColumns are the columns that a query's conditions are about. Footprints are left to the end where
// boxes decide well enough.
func decidingColumns(q *Query, regions []*region.Region) ([]string, error) {
	var names []string
	if q.IDs != nil {
		names = append(names, "id")
	}
	if q.Collections != nil {
		names = append(names, "collection")
	}
	if q.Start != nil || q.End != nil {
		names = append(names, "datetime", "start_datetime", "end_datetime")
	}
	if len(regions) > 0 {
		names = append(names, "bbox")
	}
	if q.hasFilter() {
		tree, err := cql2.Parse(q.Filter)
		if err != nil {
			return nil, err
		}
		properties, spatial := cql2.Properties(tree)
		names = append(names, properties...)
		if spatial {
			names = append(names, "bbox", "geometry")
		}
	}
	for _, key := range q.SortBy {
		names = append(names, key.Property)
	}
	return names, nil
}

// present gives those of the names that are columns of the file, or the column properties for those that are
// not. Without a bbox column the footprints decide.
func (f *footer) present(names []string) map[string]bool {
	columns := f.columnNames()
	out := map[string]bool{}
	for _, name := range names {
		bare := strings.TrimPrefix(name, "properties.")
		switch {
		case slices.Contains(columns, name):
			out[name] = true
		case slices.Contains(columns, bare):
			out[bare] = true
		case name == "bbox" && slices.Contains(columns, "geometry"):
			out["geometry"] = true
		case slices.Contains(columns, "properties"):
			out["properties"] = true
		}
	}
	return out
}

// wanted gives the columns that a query's answer is made of, nil for all.
func (f *footer) wanted(q *Query, deciding []string) map[string]bool {
	if q.Assets == nil && !q.Narrow {
		return nil
	}
	names := slices.Concat(itemColumns, q.properties(), deciding, []string{"assets", "links", "bbox", "properties"})
	if slices.Contains(deciding, "bbox") {
		names = append(names, "geometry")
	}
	return f.present(names)
}
