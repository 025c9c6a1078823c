package search

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// statement is SQL text with the values of its parameters, in order.
type statement struct {
	text    strings.Builder
	args    []any
	cleanup []func()
	// presumptions are what was taken for granted of the source, not known yet.
	presumptions []presumption
	// withoutLinks: links were left out, which relative hrefs are resolved against.
	withoutLinks bool
	// joined: DuckDB makes a join of it, which keeps no order.
	joined bool
	// each, if set, is called with each batch of the answer as it comes, and tells whether the result keeps it.
	each func(arrow.RecordBatch) (keep bool)
}

func (s *statement) add(text string) *statement {
	s.text.WriteString(text)
	return s
}

func (s *statement) with(args ...any) *statement {
	s.args = append(s.args, args...)
	return s
}

// release ends the use of what the statement refers to outside DuckDB.
func (s *statement) release() {
	for _, f := range s.cleanup {
		f()
	}
}

// expression is a piece of SQL with the values of its parameters.
type expression struct {
	sql  string
	args []any
}

// allOf joins conditions.
func allOf(conditions []expression) expression {
	all := expression{}
	for i, c := range conditions {
		if i > 0 {
			all.sql += " AND "
		}
		all.sql += "(" + c.sql + ")"
		all.args = append(all.args, c.args...)
	}
	return all
}
