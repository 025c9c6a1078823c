package search

import (
	"context"
	"strings"
)

// Source is where items come from: Files, Table or From.
type Source interface {
	// prepare gives a key that is equal for equal contents, and the function that opens the source, or what
	// of it the query needs.
	prepare(ctx context.Context, e *Engine, q *Query, where located) (key string, open opener, err error)
}

// opener opens a source. Its context is that of the search that was first to need it.
type opener func(ctx context.Context, config Config) (*database, error)

// fileSource is a list of paths; what they name is looked up at each search.
type fileSource struct{ paths []string }

// Files makes a source of local stac-geoparquet: files, folders (hive-partitioned or not) and globs,
// in which "**" crosses folders. Folders named "key=value" are columns: those below a folder that is named,
// and all that is written of a file or a glob. Paths are looked up at each search, and a file that was replaced is
// opened anew.
func Files(paths ...string) Source { return fileSource{paths} }

func (s fileSource) prepare(_ context.Context, e *Engine, q *Query, where located) (string, opener, error) {
	files, err := resolve(s.paths)
	if err != nil {
		return "", nil, err
	}
	keys, others := partitionKeys(files)
	if files, err = e.prune(files, q, where); err != nil {
		return "", nil, err
	}
	ids := make([]string, len(files))
	for i, f := range files {
		ids[i] = f.id
	}
	return "files\x00" + strings.Join(ids, "\x00\x00"), func(_ context.Context, config Config) (*database, error) {
		return openFiles(config, files, keys, others)
	}, nil
}
