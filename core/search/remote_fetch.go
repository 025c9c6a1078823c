package search

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"cogweave/core"
)

// What is chosen of remote files lands in private sparse files, at its own offsets.

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
		within, err := filepath.Rel(folder, path)
		if err != nil {
			return nil, core.Errorf(core.Internal, "", "%s does not lie in %s", path, folder)
		}
		files[i], names[i] = file{path: path, partitions: columnsOf(within, path)}, core.Redact(p.footer.asset.Href)
	}
	keys, others := partitionKeys(files)
	d, err = openFiles(config, files, keys, others)
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
