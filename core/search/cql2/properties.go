package cql2

import "strings"

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
