package search

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cogweave/core"
	"cogweave/core/search/region"
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

func (s mixedSource) prepare(ctx context.Context, e *Engine, q *Query, where located) (string, opener, error) {
	parts, err := s.parts(ctx, e)
	if err != nil {
		return "", nil, err
	}
	regions, err := where()
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
