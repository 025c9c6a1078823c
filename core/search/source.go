package search

import (
	"strings"
)

// Source is where items come from: Files or Table.
type Source interface {
	// prepare gives a key that is equal for equal contents, and the function that opens the source.
	prepare() (key string, open func(Config) (*database, error), err error)
}

// fileSource is a list of paths; what they name is looked up at each search.
type fileSource struct{ paths []string }

// Files makes a source of local stac-geoparquet: files, folders (hive-partitioned or not) and globs,
// in which "**" crosses folders. Paths are looked up at each search, and a file that was replaced is
// opened anew.
func Files(paths ...string) Source { return fileSource{paths} }

func (s fileSource) prepare() (string, func(Config) (*database, error), error) {
	files, err := resolve(s.paths)
	if err != nil {
		return "", nil, err
	}
	ids := make([]string, len(files))
	for i, f := range files {
		ids[i] = f.id
	}
	return "files\x00" + strings.Join(ids, "\x00\x00"), func(config Config) (*database, error) {
		return openFiles(config, files)
	}, nil
}
