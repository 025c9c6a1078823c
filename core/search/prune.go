package search

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"cogweave/core"
	"cogweave/core/search/region"

	"golang.org/x/sync/errgroup"
)

const (
	// manyFiles is from where on footers are looked at before DuckDB opens the files.
	manyFiles = 12
	// mostSummaries bounds what is remembered of footers.
	mostSummaries = maxFiles
)

// summary is what a local file's footer says that can exclude the file from a search.
type summary struct {
	schema                   string // names and types of the columns
	datetime                 span[int64]
	ids, collections         span[string]
	west, south, east, north span[float64]
	rows                     int64
}

// prune leaves out the files whose statistics say that no item of theirs can match. One file of each schema stays,
// so that the columns of the source do not depend on the query.
func (e *Engine) prune(files []file, q *Query, where located) ([]file, error) {
	if len(files) < manyFiles {
		return files, nil
	}
	regions, err := where()
	if err != nil {
		return nil, err
	}
	summaries, err := e.summaries(files)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	matching := make([]bool, len(files))
	for i := range files {
		matching[i] = !summaries[i].excludes(q, regions) && !excludedByKeys(files[i].partitions, q)
		if matching[i] {
			kept[summaries[i].schema] = true
		}
	}
	var out []file
	for i := range files {
		if !matching[i] && kept[summaries[i].schema] {
			continue
		}
		kept[summaries[i].schema] = true
		out = append(out, files[i])
	}
	return out, nil
}

// excludedByKeys: the file lies in a folder "collection=..." of another collection.
func excludedByKeys(partitions []string, q *Query) bool {
	if q.Collections == nil {
		return false
	}
	for _, folder := range partitions {
		if name, ok := strings.CutPrefix(folder, "collection="); ok && !strings.Contains(name, "%") {
			return !slices.Contains(q.Collections, name)
		}
	}
	return false
}

// summaries reads the footers of files, those that are not known yet.
func (e *Engine) summaries(files []file) ([]*summary, error) {
	out := make([]*summary, len(files))
	e.mu.Lock()
	for i := range files {
		out[i] = e.summarised[files[i].id]
	}
	e.mu.Unlock()
	var group errgroup.Group
	var next atomic.Int64
	for range core.Processors() {
		group.Go(func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = core.Panicked(r)
				}
			}()
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				if out[i] == nil {
					if out[i], err = summarise(files[i].path); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.summarised == nil || len(e.summarised) > mostSummaries {
		e.summarised = map[string]*summary{}
	}
	for i := range files {
		e.summarised[files[i].id] = out[i]
	}
	return out, nil
}

func summarise(path string) (*summary, error) {
	if err := checkFooter(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	defer f.Close()
	footer, err := localFooter(f, path)
	if err != nil {
		return nil, err
	}
	root := footer.meta.Schema.Root()
	s := &summary{}
	var text strings.Builder
	for i := range root.NumFields() {
		fmt.Fprintf(&text, "%s\x00%v\x00", root.Field(i).Name(), root.Field(i).LogicalType())
	}
	for i := range footer.meta.Schema.NumColumns() {
		column := footer.meta.Schema.Column(i)
		fmt.Fprintf(&text, "%s\x00%v\x00", column.Path(), column.PhysicalType())
	}
	s.schema = text.String()
	s.read(footer)
	return s, nil
}

// localFooter reads a file's footer. checkFooter was content with it.
func localFooter(f *os.File, path string) (*footer, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, pathError(path, err)
	}
	var tail [8]byte
	if _, err := f.ReadAt(tail[:], size-8); err != nil {
		return nil, pathError(path, err)
	}
	length := footerLength(tail[:])
	data := make([]byte, length)
	if _, err := f.ReadAt(data, size-8-length); err != nil {
		return nil, pathError(path, err)
	}
	return parseFooter(core.Asset{Href: path, Size: size}, data)
}

// read joins the statistics of the row groups.
func (s *summary) read(f *footer) {
	for g := range f.meta.RowGroups {
		first := g == 0
		s.datetime = joined(s.datetime, f.instants(g, "datetime"), first)
		s.ids = joined(s.ids, f.texts(g, "id"), first)
		s.collections = joined(s.collections, f.texts(g, "collection"), first)
		s.west = joined(s.west, f.boxes(g, "xmin"), first)
		s.south = joined(s.south, f.boxes(g, "ymin"), first)
		s.east = joined(s.east, f.boxes(g, "xmax"), first)
		s.north = joined(s.north, f.boxes(g, "ymax"), first)
		s.rows += f.meta.RowGroups[g].NumRows
	}
}

// joined is the span of two; it says nothing where one of them does not.
func joined[T int64 | float64 | string](a, b span[T], first bool) span[T] {
	if first {
		return b
	}
	return span[T]{min(a.low, b.low), max(a.high, b.high), a.ok && b.ok}
}

// excludes tells whether no item can match.
func (s *summary) excludes(q *Query, regions []*region.Region) bool {
	return s.rows == 0 || outside(s.datetime, q) || excludedByTexts(s.ids, q.IDs) || excludedByTexts(s.collections, q.Collections) ||
		apart(s.west, s.south, s.east, s.north, regions)
}
