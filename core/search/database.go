package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"cogweave/core"

	"github.com/duckdb/duckdb-go/v2"
)

// database is one opened source: an in-memory DuckDB that can read nothing else.
type database struct {
	name      string // the source, for messages
	db        *sql.DB
	spill     string // folder that DuckDB makes when it has to spill; "" if it cannot
	files     int
	all       string // the columns that are wanted, after SELECT
	from      string // what follows FROM, with the parameters fromArgs
	fromArgs  []any
	order     string // columns that give the order of the source
	columns   *columns
	footprint *footprints
	facts     facts
	aliases   []string    // private files and what messages call them, in turn
	boxOnly   bool        // boxes decide alone: footprints were not fetched
	broken    atomic.Bool // DuckDB gave itself up; the next search opens anew
	close     func() error
}

// newDatabase starts a DuckDB within the limits, not yet locked.
func newDatabase(config Config, name string) (*database, error) {
	spill := spillFolder(config.TempDir)
	options := url.Values{
		"autoinstall_known_extensions": {"false"},
		"autoload_known_extensions":    {"false"},
		"allow_community_extensions":   {"false"},
		"allow_persistent_secrets":     {"false"},
		"threads":                      {strconv.Itoa(config.Threads)},
		"memory_limit":                 {fmt.Sprintf("%dB", config.MemoryLimit)},
		"temp_directory":               {spill},
		"max_temp_directory_size":      {fmt.Sprintf("%dB", config.TempLimit)},
		// Without them the allocator keeps what a large answer needed until DuckDB works again.
		"allocator_background_threads": {"true"},
		"preserve_insertion_order":     {"true"},
	}
	connector, err := duckdb.NewConnector("?"+options.Encode(), nil)
	if err != nil {
		return nil, core.Errorf(core.SearchError, "DuckDB", "DuckDB does not start: %w", err)
	}
	d := &database{name: name, all: "*", spill: spill, db: sql.OpenDB(connector)}
	d.db.SetMaxIdleConns(8)
	d.db.SetMaxOpenConns(64)
	d.close = sync.OnceValue(func() error { return errors.Join(d.db.Close(), removeSpill(d.spill)) })
	return d, nil
}

// openFiles opens parquet files; keys are those of their folders, which become columns, and others those that do not.
func openFiles(config Config, files []file, keys, others []string) (d *database, err error) {
	paths := make([]string, len(files))
	for i, f := range files {
		if err := checkFooter(f.path); err != nil {
			return nil, err
		}
		paths[i] = f.path
	}
	name := paths[0]
	if len(paths) > 1 {
		name = fmt.Sprintf("%s and %d other files", paths[0], len(paths)-1)
	}
	if d, err = newDatabase(config, name); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
			d = nil
		}
	}()
	d.from, d.fromArgs = readParquet(keys, paths)
	if len(others) > 0 {
		d.all = "* EXCLUDE (" + strings.Join(quoted(others), ", ") + ")"
	}
	d.order, d.files = "file_index, file_row_number", len(files)
	if err = d.lock(paths); err != nil {
		return d, err
	}
	return d, d.describe()
}

// readParquet gives the table function over the files. Columns of files that differ are matched by
// name; folders named key=value add columns of text.
func readParquet(keys, paths []string) (from string, args []any) {
	from = "read_parquet(?, hive_partitioning=false"
	if len(keys) > 0 {
		types := strings.Join(quoted(keys), ": VARCHAR, ") + ": VARCHAR"
		from = "read_parquet(?, hive_partitioning=true, hive_types={" + types + "}"
	}
	if len(paths) > 1 {
		from += ", union_by_name=true"
	}
	return from + ")", []any{paths}
}

// lock takes everything away that a search does not need: from here on this DuckDB reads the given
// files, and no setting can be changed again.
func (d *database) lock(paths []string) error {
	allowed := make([]string, len(paths))
	for i, path := range paths {
		allowed[i] = quoteText(path)
	}
	settings := []string{
		"TimeZone='UTC'",
		// Footers are parsed once for each opened source.
		"parquet_metadata_cache=true",
		// The automatic conversion rejects real files; geometry stays well-known binary.
		"enable_geoparquet_conversion=false",
		"allowed_paths=[" + strings.Join(allowed, ", ") + "]",
		"enable_external_access=false",
		"lock_configuration=true",
	}
	ctx := context.Background()
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return d.fault(ctx, err)
	}
	defer conn.Close()
	if d.footprint, err = registerFootprints(conn); err != nil {
		return d.fault(ctx, err)
	}
	if _, err := conn.ExecContext(ctx, "SET GLOBAL "+strings.Join(settings, "; SET GLOBAL ")); err != nil {
		return d.fault(ctx, err)
	}
	return nil
}

// execute runs one statement; Prepare refuses a text of several.
func execute(ctx context.Context, conn *sql.Conn, text string, args ...any) error {
	stmt, err := conn.PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx, args...)
	return errors.Join(err, stmt.Close())
}

// query runs a statement. Its text holds our own words and quoted names of the source's columns;
// everything else is bound.
func (d *database) query(ctx context.Context, s *statement) (*Result, error) {
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return nil, d.fault(ctx, err)
	}
	defer conn.Close()
	result := &Result{}
	err = conn.Raw(func(driverConn any) error {
		reader, err := duckdb.NewArrowFromConn(driverConn.(*duckdb.Conn))
		if err != nil {
			return err
		}
		rows, err := reader.QueryContext(ctx, s.text.String(), s.args...)
		if err != nil {
			return err
		}
		defer rows.Release()
		result.Schema = rows.Schema()
		for rows.Next() {
			batch := rows.RecordBatch()
			result.Rows += batch.NumRows()
			if s.each == nil || s.each(batch) {
				batch.Retain()
				result.Batches = append(result.Batches, batch)
			}
		}
		return rows.Err()
	})
	if err != nil {
		result.Release()
		return nil, d.fault(ctx, err)
	}
	return result, nil
}

// describe reads the source's columns.
func (d *database) describe() error {
	s := &statement{}
	s.add("SELECT " + d.all + " FROM " + d.from + " LIMIT 0").with(d.fromArgs...)
	result, err := d.query(context.Background(), s)
	if err != nil {
		return err
	}
	defer result.Release()
	d.columns, err = newColumns(d.name, result.Schema)
	return err
}

// fault turns what DuckDB says into one of our errors.
func (d *database) fault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	if _, ours := asError(err); ours {
		return err
	}
	var e *duckdb.Error
	if !errors.As(err, &e) {
		return core.Errorf(core.SearchError, "CatalogError", "%s: %w", d.name, err)
	}
	message, _, _ := strings.Cut(e.Msg, "\n")
	message = strings.NewReplacer(d.aliases...).Replace(message)
	switch e.Type {
	case duckdb.ErrorTypeInterrupt:
		return core.Errorf(core.Cancelled, "", "search was cancelled")
	case duckdb.ErrorTypeOutOfMemory:
		return core.Errorf(core.BudgetExceeded, "SearchMemory", "%s: search needs more memory than it may use: %s", d.name, message)
	case duckdb.ErrorTypeInternal, duckdb.ErrorTypeFatal:
		d.broken.Store(true)
	}
	return core.Errorf(core.SearchError, "CatalogError", "%s: cannot be searched: %s", d.name, message)
}

// quoteName writes an identifier.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoted(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = quoteName(name)
	}
	return out
}

// quoteText writes a string literal, for settings, which cannot be bound.
func quoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
