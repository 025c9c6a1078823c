package search

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"cogweave/core"
)

// maxFiles bounds the files of one source.
const maxFiles = 200_000

// file is one parquet file of a source, as it was when the source was opened.
type file struct {
	path       string   // absolute, symbolic links followed
	id         string   // changes when the file is replaced or rewritten
	partitions []string // folders named "key=value" whose keys are columns
}

// resolve gives the parquet files that paths name: files, folders (with everything below them) and
// globs ("**" crosses folders). The order is that of paths, by name inside a folder or glob.
func resolve(paths []string) ([]file, error) {
	if len(paths) == 0 {
		return nil, core.Errorf(core.InvalidArgument, "Source", "source names no file")
	}
	var files []file
	for _, path := range paths {
		names, root, err := expand(path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			f, err := inspect(name, root)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
		if len(files) > maxFiles {
			return nil, core.Errorf(core.SearchError, "CatalogError", "%s: more than %d files", path, maxFiles)
		}
	}
	return files, nil
}

// expand gives the names of the files behind one path, and the folder that it names, or "". A file that exists
// under the very name is that file, whatever characters the name has.
func expand(path string) (names []string, root string, err error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return nil, "", core.Errorf(core.InvalidArgument, "Source", "source path %q is empty or has a NUL", path)
	}
	if strings.HasPrefix(path, "file://") {
		u, err := url.Parse(path)
		if err != nil || (u.Host != "" && u.Host != "localhost") || strings.ContainsRune(u.Path, 0) {
			return nil, "", core.Errorf(core.InvalidArgument, "Source", "source %q is no URL of a local file", path)
		}
		path = u.Path
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		names, err = walk(path, isParquet)
		return names, path, err
	case err == nil:
		return []string{path}, "", nil
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?["):
		names, err = glob(path)
		return names, "", err
	}
	return nil, "", pathError(path, err)
}

// pathError names the path and what is wrong with it.
func pathError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return core.Errorf(core.SearchError, "NotFound", "%s: no such file or folder", path)
	case errors.Is(err, fs.ErrPermission):
		return core.Errorf(core.SearchError, "AccessDenied", "%s: permission denied", path)
	}
	return core.Errorf(core.SearchError, "CatalogError", "%s: cannot be opened: %w", path, err)
}

func isParquet(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".parquet", ".geoparquet", ".parq", ".pq":
		return true
	}
	return false
}

// walk gives the accepted files below a folder, by name. Names that begin with "." or "_" are other
// programs' bookkeeping.
func walk(root string, accept func(name string) bool) ([]string, error) {
	var names []string
	start := root + string(filepath.Separator) // the folder itself, where root is a link to one
	err := filepath.WalkDir(start, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return pathError(name, err)
		}
		base := entry.Name()
		if name != start && (base[0] == '.' || base[0] == '_') {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.IsDir() && accept(name) {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, core.Errorf(core.SearchError, "NotFound", "%s: the folder holds no parquet file", root)
	}
	return names, nil
}

func glob(pattern string) ([]string, error) {
	none := core.Errorf(core.SearchError, "NotFound", "%s: no file matches", pattern)
	if !strings.Contains(pattern, "**") {
		names, err := filepath.Glob(pattern)
		if err != nil {
			return nil, core.Errorf(core.InvalidArgument, "Source", "source %q is no valid glob: %w", pattern, err)
		}
		hidden := strings.HasPrefix(filepath.Base(pattern), ".")
		names = slices.DeleteFunc(names, func(name string) bool {
			return isFolder(name) || (!hidden && strings.HasPrefix(filepath.Base(name), "."))
		})
		if len(names) == 0 {
			return nil, none
		}
		return names, nil
	}
	root := pattern[:strings.IndexAny(pattern, "*?[")]
	root = filepath.Clean(root[:strings.LastIndexByte(root, filepath.Separator)+1])
	match, err := globPattern(filepath.Clean(pattern))
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, none
	}
	names, err := walk(root, match.MatchString)
	if e, ok := asError(err); ok && e.Reason == "NotFound" {
		return nil, none
	}
	return names, err
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

var globToken = regexp.MustCompile(`\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|[^*?\[]+|\[`)

// globPattern makes a regular expression of a glob: "**" matches any folders, "*" and "?" stay inside
// one name.
func globPattern(pattern string) (*regexp.Regexp, error) {
	var text strings.Builder
	text.WriteString("^")
	for _, token := range globToken.FindAllString(pattern, -1) {
		switch {
		case token == "**/":
			text.WriteString("(.*/)?")
		case token == "**":
			text.WriteString(".*")
		case token == "*":
			text.WriteString("[^/]*")
		case token == "?":
			text.WriteString("[^/]")
		case len(token) > 2 && token[0] == '[':
			set := strings.ReplaceAll(token[1:len(token)-1], `\`, `\\`)
			if set[0] == '!' {
				set = "^" + set[1:]
			}
			text.WriteString("[" + set + "]")
		default:
			text.WriteString(regexp.QuoteMeta(token))
		}
	}
	expr, err := regexp.Compile(text.String() + "$")
	if err != nil {
		return nil, core.Errorf(core.InvalidArgument, "Source", "source %q is no valid glob: %w", pattern, err)
	}
	return expr, nil
}

// inspect follows links, since DuckDB's allow-list compares real paths. Of a file in a folder that was named, root, what
// lies below that makes columns; of one that was named itself, or by a glob, all that was written.
func inspect(name, root string) (file, error) {
	real, err := filepath.EvalSymlinks(name)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return file{}, pathError(name, err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return file{}, pathError(name, err)
	}
	if !info.Mode().IsRegular() {
		return file{}, core.Errorf(core.SearchError, "CatalogError", "%s: is no regular file", name)
	}
	below := name
	if root != "" {
		if below, err = filepath.Rel(root, name); err != nil {
			return file{}, pathError(name, err)
		}
	}
	f := file{path: real, partitions: columnsOf(below, real)}
	f.id = fmt.Sprintf("%s\x00%d\x00%d\x00%s\x00%q", real, info.Size(), info.ModTime().UnixNano(), inode(info), f.partitions)
	return f, nil
}

// columnsOf gives the folders, of those that may make columns, that do: DuckDB looks at the real path, and takes the first
// folder of each key.
func columnsOf(below, real string) []string {
	all := partitionsOf(real)
	return slices.DeleteFunc(partitionsOf(below), func(folder string) bool {
		i := slices.IndexFunc(all, func(other string) bool { return keyOf(other) == keyOf(folder) })
		return i < 0 || all[i] != folder
	})
}

// partitionsOf gives the folders of a path that are named "key=value", as DuckDB finds them.
func partitionsOf(path string) []string {
	folders := strings.Split(filepath.Dir(path), string(filepath.Separator))
	return slices.DeleteFunc(folders, func(folder string) bool {
		return strings.Index(folder, "=") < 1 || strings.Count(folder, "=") > 1 || strings.ContainsAny(folder, "?\n")
	})
}

func keyOf(partition string) string {
	key, _, _ := strings.Cut(partition, "=")
	return key
}

// partitionKeys gives the keys that every file has, in their order: the columns of a hive-partitioned source. With them,
// DuckDB makes columns of all such folders of a path; those that are not wanted are others.
func partitionKeys(files []file) (keys, others []string) {
	keysOf := func(partitions []string) (keys []string) {
		for _, p := range partitions {
			keys = append(keys, keyOf(p))
		}
		return keys
	}
	keys, all := keysOf(files[0].partitions), keysOf(partitionsOf(files[0].path))
	for _, f := range files[1:] {
		if !slices.Equal(keys, keysOf(f.partitions)) || !slices.Equal(all, keysOf(partitionsOf(f.path))) {
			return nil, nil
		}
	}
	for _, key := range all {
		if len(keys) > 0 && !slices.Contains(keys, key) && !slices.Contains(others, key) {
			others = append(others, key)
		}
	}
	return keys, others
}
