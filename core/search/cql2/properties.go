package cql2

import (
	"slices"
	"strings"
)

// MostInline is the number of values up to which DuckDB compares with each. Of a longer list of constants its optimizer
// makes a join, whose rows come in any order.
const MostInline = 4

// Joins tells whether a filter holds a list of values for which DuckDB makes a join.
func Joins(tree Node) bool {
	op, ok := tree.(Op)
	if !ok {
		return false
	}
	if op.Name == "in" && len(op.Args) == 2 {
		if list, ok := op.Args[1].(List); ok && len(list.Items) > MostInline {
			return true
		}
	}
	return slices.ContainsFunc(op.Args, Joins)
}

// Properties lists the properties that a filter is about, and tells whether it compares geometries.
func Properties(tree Node) (names []string, spatial bool) {
	var walk func(n Node)
	walk = func(n Node) {
		switch n := n.(type) {
		case Name:
			names = append(names, n.Text)
		case Op:
			spatial = spatial || strings.HasPrefix(n.Name, "s_")
			for _, arg := range n.Args {
				walk(arg)
			}
		case List:
			for _, item := range n.Items {
				walk(item)
			}
		case Interval:
			walk(n.Start)
			walk(n.End)
		}
	}
	walk(tree)
	return names, spatial
}
