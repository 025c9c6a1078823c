// Package cql2 reads CQL2 filters, in their text and JSON forms, and compiles them to SQL whose values
// are all bound and whose property names were all looked up.
package cql2

import (
	"encoding/json"
	"strings"

	"cogweave/core"

	"github.com/peterstace/simplefeatures/geom"
)

// Limits of a filter. They keep parsing, compiling and DuckDB's own recursion bounded.
const (
	MaxDepth   = 64
	MaxNodes   = 10_000   // nodes of the tree, the members of lists included
	MaxLiteral = 64 << 10 // bytes of one text
	MaxFilter  = 4 << 20  // bytes of a whole filter
)

// Node is an expression: one of the types below.
type Node interface{ node() }

type (
	// Op is an operator or function with its arguments; names are CQL2 JSON's, in lower case.
	Op struct {
		Name string
		Args []Node
	}
	// Name is a property.
	Name struct{ Text string }
	// String is a text.
	String struct{ Text string }
	// Num is a number as it was written, an integer where Integer is set.
	Num struct {
		Value   float64
		Integer bool
		Int     int64
	}
	// Boolean is true or false.
	Boolean struct{ Value bool }
	// Instant is a date or timestamp: the first and last microsecond of what the text names.
	Instant struct {
		First, Last int64
		Text        string
	}
	// Interval is a pair of instants or properties; Open stands for an end without limit.
	Interval struct{ Start, End Node }
	// Open is the ".." of an interval.
	Open struct{}
	// Shape is a geometry in longitude and latitude.
	Shape struct{ Geometry geom.Geometry }
	// List is an array of literals or expressions.
	List struct{ Items []Node }
)

func (Op) node()       {}
func (Name) node()     {}
func (String) node()   {}
func (Num) node()      {}
func (Boolean) node()  {}
func (Instant) node()  {}
func (Interval) node() {}
func (Open) node()     {}
func (Shape) node()    {}
func (List) node()     {}

// Parse reads a filter: CQL2 JSON, or a JSON string that holds CQL2 text.
func Parse(filter json.RawMessage) (Node, error) {
	if len(filter) > MaxFilter {
		return nil, bad("it has %d bytes, more than %d", len(filter), MaxFilter)
	}
	var text string
	if json.Unmarshal(filter, &text) == nil {
		return ParseText(text)
	}
	return parseJSON(filter)
}

// bad is the error of a filter that cannot be used.
func bad(format string, args ...any) error {
	return core.Errorf(core.InvalidArgument, "Filter", "filter: "+format, args...)
}

var errTooDeep = bad("it nests deeper than %d", MaxDepth)

// budget counts the nodes of a filter while it is read.
type budget struct{ nodes int }

func (b *budget) spend(depth int) error {
	b.nodes++
	switch {
	case b.nodes > MaxNodes:
		return bad("it has more than %d parts", MaxNodes)
	case depth > MaxDepth:
		return errTooDeep
	}
	return nil
}

func checkLiteral(text string) error {
	switch {
	case len(text) > MaxLiteral:
		return bad("a text of %d bytes is longer than %d", len(text), MaxLiteral)
	case strings.ContainsRune(text, 0):
		return bad("the text %q has a NUL", shorten(text))
	}
	return nil
}

func shorten(text string) string {
	if len(text) > 60 {
		return text[:60] + "..."
	}
	return text
}

// instant reads the text of a date or timestamp.
func instant(text string) (Node, error) {
	first, last, err := core.ParseInterval(text)
	if err != nil || first == nil || last == nil || strings.Contains(text, "/") {
		return nil, bad("%q is no date or timestamp", shorten(text))
	}
	return Instant{First: *first, Last: *last, Text: text}, nil
}

// intervalEnd reads an end of an interval: a text may be "..".
func intervalEnd(n Node) (Node, error) {
	switch n := n.(type) {
	case String:
		if n.Text == ".." || n.Text == "" {
			return Open{}, nil
		}
		return instant(n.Text)
	case Instant, Name, Open:
		return n, nil
	}
	return nil, bad("an interval goes from one date, timestamp or property to another")
}
