package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"cogweave/core"
	"cogweave/core/search/cql2"
	"cogweave/core/search/region"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// Remote parquet is read by ranges: the footer, then the columns that a query needs of the row groups that
// statistics cannot exclude, at their own offsets in a private sparse file, which DuckDB reads like any other.
// Where many row groups remain, the columns that decide are fetched first, and of the others only the row
// groups in which some item matches.

const (
	// tailBytes is fetched with the last eight bytes of a file, in the hope that its footer is no longer.
	tailBytes = 64 << 10
	// worthDeciding is what fetching undecided row groups must cost more, in bytes, than deciding first.
	worthDeciding = 512 << 10
	// mostFooters are kept, parsed, and mostDecisions.
	mostFooters   = 32
	mostDecisions = 256
)

// mixedSource is a list of paths and URLs.
type mixedSource struct {
	reader core.RangeReader
	paths  []string
}

// From makes a source of stac-geoparquet: local paths as Files takes them, and URLs of single files, which
// reader reads. The items' order is that of the list.
func From(reader core.RangeReader, paths ...string) Source {
	if !slices.ContainsFunc(paths, isRemote) {
		return Files(paths...)
	}
	return mixedSource{reader, paths}
}

func isRemote(path string) bool {
	scheme, _, ok := strings.Cut(path, "://")
	return ok && !strings.EqualFold(scheme, "file") && !strings.ContainsAny(scheme, `/\*?[`)
}

// part is a file of a mixed source: a local one, or row groups and columns of a remote one.
type part struct {
	local   *file
	footer  *footer
	groups  []int
	columns map[string]bool // nil: all
}

func (p *part) id() string {
	if p.local != nil {
		return p.local.id
	}
	names := []string{}
	for name := range p.columns {
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Sprintf("%s\x00%s\x00%d\x00%v\x00%v%q", p.footer.asset.Href, p.footer.asset.ETag, p.footer.asset.Size, p.groups, p.columns == nil, names)
}

func (s mixedSource) prepare(ctx context.Context, e *Engine, q *Query, regions []*region.Region) (string, opener, error) {
	parts, err := s.parts(ctx, e)
	if err != nil {
		return "", nil, err
	}
	if err := s.choose(ctx, e, parts, q, regions); err != nil {
		return "", nil, err
	}
	ids := make([]string, len(parts))
	for i := range parts {
		ids[i] = parts[i].id()
	}
	return "mixed\x00" + strings.Join(ids, "\x00\x00"), func(ctx context.Context, config Config) (*database, error) {
		return s.openParts(ctx, config, parts)
	}, nil
}

// parts looks up what the paths name, the remote files at once.
func (s mixedSource) parts(ctx context.Context, e *Engine) ([]part, error) {
	found := make([][]part, len(s.paths))
	errs := make([]error, len(s.paths))
	var wait sync.WaitGroup
	for i, path := range s.paths {
		if !isRemote(path) {
			files, err := resolve([]string{path})
			errs[i] = err
			for k := range files {
				found[i] = append(found[i], part{local: &files[k]})
			}
			continue
		}
		wait.Add(1)
		core.Go(func() {
			f, err := e.footerOf(ctx, s.reader, path)
			found[i], errs[i] = []part{{footer: f}}, err
			wait.Done()
		}, func(err error) {
			errs[i] = err
			wait.Done()
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(found...), nil
}

// footerOf gives a file's footer. One that was read before is good as long as the store names the same version.
func (e *Engine) footerOf(ctx context.Context, reader core.RangeReader, href string) (*footer, error) {
	asset, err := reader.Stat(ctx, href)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	known := e.footers[href]
	e.mu.Unlock()
	if known != nil && asset.ETag != "" && known.asset == asset {
		return known, nil
	}
	f, err := readFooter(ctx, reader, asset)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.footers == nil || len(e.footers) >= mostFooters {
		e.footers = map[string]*footer{}
	}
	e.footers[href] = f
	return f, nil
}

func readFooter(ctx context.Context, reader core.RangeReader, asset core.Asset) (*footer, error) {
	if asset.Size < 12 {
		return nil, badCatalog(asset.Href, "is no parquet file: it has %d bytes", asset.Size)
	}
	start := max(0, asset.Size-tailBytes)
	tail, err := reader.ReadRanges(ctx, asset, []core.ByteRange{{Start: start, End: asset.Size}})
	if err != nil {
		return nil, err
	}
	data := tail[0]
	end := data[len(data)-8:]
	if string(end[4:]) != "PAR1" {
		return nil, badCatalog(asset.Href, "is no parquet file: it does not end with PAR1")
	}
	length := footerLength(end)
	if length > asset.Size-12 || length > maxFooterBytes {
		return nil, badCatalog(asset.Href, "is a corrupt parquet file: its footer claims %d of %d bytes", length, asset.Size)
	}
	if missing := length + 8 - int64(len(data)); missing > 0 {
		head, err := reader.ReadRanges(ctx, asset, []core.ByteRange{{Start: start - missing, End: start}})
		if err != nil {
			return nil, err
		}
		data = slices.Concat(head[0], data)
	}
	return parseFooter(asset, data[int64(len(data))-8-length:len(data)-8])
}

// choose settles which row groups and columns of the remote files a query needs.
func (s mixedSource) choose(ctx context.Context, e *Engine, parts []part, q *Query, regions []*region.Region) error {
	deciding, err := decidingColumns(q, regions)
	if err != nil {
		return err
	}
	var undecided, first int64
	for i := range parts {
		p := &parts[i]
		if p.footer == nil {
			continue
		}
		p.groups = p.footer.candidates(q, regions)
		p.columns = p.footer.wanted(q, deciding)
		if len(p.groups) < 2 {
			continue
		}
		undecided += total(p.footer.chunks(p.groups, p.columns))
		first += total(p.footer.chunks(p.groups, p.footer.present(deciding)))
	}
	if len(deciding) == 0 || undecided < 2*first+worthDeciding {
		return nil
	}
	return s.decide(ctx, e, parts, deciding, q, regions)
}

// bridged joins ranges where reading over a small gap saves a request. What lies in the gap does no harm.
func bridged(ranges []core.ByteRange) []core.ByteRange {
	const gap, most = 128 << 10, 8 << 20
	var out []core.ByteRange
	for _, r := range ranges {
		if n := len(out) - 1; n >= 0 && r.Start-out[n].End <= gap && r.End-out[n].Start <= most {
			out[n].End = max(out[n].End, r.End)
			continue
		}
		out = append(out, r)
	}
	return out
}

func total(ranges []core.ByteRange) (n int64) {
	for _, r := range ranges {
		n += r.Len()
	}
	return n
}

// decide keeps the row groups in which an item fulfils a query's conditions. What was found out for a version of
// the files holds as long as that.
func (s mixedSource) decide(ctx context.Context, e *Engine, parts []part, deciding []string, q *Query, regions []*region.Region) error {
	asked, err := json.Marshal(q)
	if err != nil {
		return core.Errorf(core.InvalidArgument, "Filter", "filter: is no JSON: %w", err)
	}
	key, versions := string(asked), true
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
	s := &statement{}
	defer s.release()
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
	result, err := d.query(ctx, s)
	if err != nil {
		return nil, err
	}
	defer result.Release()
	rows := map[int][]int64{}
	for _, batch := range result.Batches {
		files, at := batch.Column(0).(*array.Int64), batch.Column(1).(*array.Int64)
		for i := range files.Len() {
			rows[int(files.Value(i))] = append(rows[int(files.Value(i))], at.Value(i))
		}
	}
	return rows, nil
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
	if len(q.Filter) > 0 && string(q.Filter) != "null" {
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
	names := slices.Concat(itemColumns, q.Properties, deciding, []string{"assets", "links", "bbox", "properties"})
	if slices.Contains(deciding, "bbox") {
		names = append(names, "geometry")
	}
	return f.present(names)
}

// openParts fetches what is chosen of the remote files into a private folder, and opens all files.
func (s mixedSource) openParts(ctx context.Context, config Config, parts []part) (d *database, err error) {
	files := make([]file, len(parts))
	folder := ""
	defer func() {
		if err != nil {
			err = errors.Join(err, removeSpill(folder))
		}
	}()
	names := make([]string, len(parts))
	for i := range parts {
		p := &parts[i]
		if p.local != nil {
			files[i], names[i] = *p.local, p.local.path
			continue
		}
		if folder == "" {
			if folder = spillFolder(config.TempDir); folder == "" {
				return nil, core.Errorf(core.SearchError, "TempDir", "%s: there is no place for temporary files in %s", core.Redact(p.footer.asset.Href), config.TempDir)
			}
			if err := os.Mkdir(folder, 0o700); err != nil {
				return nil, core.Errorf(core.SearchError, "TempDir", "no temporary folder: %w", err)
			}
		}
		path, err := placeFor(folder, i, p.footer.asset.Href)
		if err != nil {
			return nil, err
		}
		if err := p.download(ctx, s.reader, path, config.TempLimit); err != nil {
			return nil, err
		}
		files[i], names[i] = file{path: path}, core.Redact(p.footer.asset.Href)
	}
	d, err = openFiles(config, files, partitionKeys(files))
	if err != nil {
		return nil, renamed(err, files, names)
	}
	d.alias(files, names)
	closeDatabase := d.close
	d.close = sync.OnceValue(func() error { return errors.Join(closeDatabase(), removeSpill(folder)) })
	return d, nil
}

// placeFor makes the name of a private file. Folders of the URL that are named key=value are kept: they are
// columns of a partitioned catalog.
func placeFor(folder string, i int, href string) (string, error) {
	names := []string{folder, fmt.Sprint(i)}
	place, _, _ := strings.Cut(href, "?")
	segments := strings.Split(place, "/")
	for _, segment := range segments[:len(segments)-1] {
		key, value, ok := strings.Cut(segment, "=")
		if text, err := url.PathUnescape(value); ok && key != "" && err == nil && !strings.ContainsAny(text, "/\x00") && len(segment) < 200 {
			names = append(names, segment)
		}
	}
	out := filepath.Join(names...)
	if err := os.MkdirAll(out, 0o700); err != nil {
		return "", core.Errorf(core.SearchError, "TempDir", "no temporary folder: %w", err)
	}
	return filepath.Join(out, "items.parquet"), nil
}

// download writes what is chosen of a remote file where it lies in it, and a footer that knows no more.
func (p *part) download(ctx context.Context, reader core.RangeReader, path string, limit int64) (err error) {
	ranges := bridged(p.footer.chunks(p.groups, p.columns))
	if need := total(ranges); need > limit {
		return core.Errorf(core.BudgetExceeded, "SearchDisk", "%s: the search needs %d bytes of the file, more than the %d that temporary files may take",
			core.Redact(p.footer.asset.Href), need, limit)
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return core.Errorf(core.SearchError, "TempDir", "no temporary file: %w", err)
	}
	defer func() {
		if failed := out.Close(); err == nil && failed != nil {
			err = core.Errorf(core.SearchError, "TempDir", "no temporary file: %w", failed)
		}
	}()
	end := int64(4)
	put := func(data []byte, at int64) {
		if err == nil {
			if _, failed := out.WriteAt(data, at); failed != nil {
				err = core.Errorf(core.SearchError, "TempDir", "no temporary file: %w", failed)
			}
		}
		end = max(end, at+int64(len(data)))
	}
	put([]byte("PAR1"), 0)
	// A stretch at a time, so that memory holds no whole catalog.
	for len(ranges) > 0 && err == nil {
		n, size := 0, int64(0)
		for n < len(ranges) && (n == 0 || size+ranges[n].Len() <= 64<<20) {
			size += ranges[n].Len()
			n++
		}
		data, failed := reader.ReadRanges(ctx, p.footer.asset, ranges[:n])
		if failed != nil {
			return failed
		}
		for i := range data {
			put(data[i], ranges[i].Start)
		}
		ranges = ranges[n:]
	}
	tail, failed := p.footer.subset(p.groups)
	if failed != nil {
		return failed
	}
	put(tail, end)
	return err
}

// alias has messages name the sources instead of private files.
func (d *database) alias(files []file, names []string) {
	d.name = names[0]
	if len(names) > 1 {
		d.name = fmt.Sprintf("%s and %d other files", names[0], len(names)-1)
	}
	d.columns.source = d.name
	for i := range files {
		d.aliases = append(d.aliases, files[i].path, names[i])
	}
}

// renamed names the sources in an error instead of private files.
func renamed(err error, files []file, names []string) error {
	e, ok := asError(err)
	if !ok {
		return err
	}
	for i := range files {
		e.Message = strings.ReplaceAll(e.Message, files[i].path, names[i])
	}
	return e
}
