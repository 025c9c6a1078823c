package cql2

import (
	"strings"

	"github.com/peterstace/simplefeatures/geom"
)

// Source is what a filter is compiled for.
type Source interface {
	// Resolve looks a property up; the error of an unknown one names near ones.
	Resolve(name string) (Property, error)
	// Spatial gives the test of a geometry property against a shape; relation is a CQL2 operator name in
	// lower case such as "s_intersects", with the property as its first argument.
	Spatial(relation string, property Property, shape geom.Geometry) (sql string, args []any, err error)
}

// Compile gives a filter as a condition of SQL and the values of its parameters.
func Compile(n Node, source Source) (sql string, args []any, err error) {
	c := compiler{source}
	e, err := c.condition(n)
	return e.sql, e.args, err
}

type compiler struct{ source Source }

// expr is a compiled expression.
type expr struct {
	sql  string
	args []any
	kind Type
}

// apply makes an expression of others: each %s in the template stands for the next one.
func apply(kind Type, template string, parts ...expr) expr {
	out := expr{kind: kind}
	var sql strings.Builder
	for _, part := range parts {
		before, after, _ := strings.Cut(template, "%s")
		sql.WriteString(before)
		sql.WriteString(part.sql)
		out.args = append(out.args, part.args...)
		template = after
	}
	sql.WriteString(template)
	out.sql = sql.String()
	return out
}

// condition compiles what must be true or false.
func (c *compiler) condition(n Node) (expr, error) {
	e, err := c.value(n)
	if err == nil && e.kind != Bool {
		err = bad("a %s stands where a condition is expected", e.kind)
	}
	return e, err
}

// value compiles any expression.
func (c *compiler) value(n Node) (expr, error) {
	switch n := n.(type) {
	case Name:
		p, err := c.source.Resolve(n.Text)
		return expr{p.SQL, p.Args, p.Type}, err
	case String:
		return expr{"CAST(? AS VARCHAR)", []any{n.Text}, Text}, nil
	case Num:
		if n.Integer {
			return expr{"CAST(? AS BIGINT)", []any{n.Int}, Number}, nil
		}
		return expr{"CAST(? AS DOUBLE)", []any{n.Value}, Number}, nil
	case Boolean:
		if n.Value {
			return expr{"true", nil, Bool}, nil
		}
		return expr{"false", nil, Bool}, nil
	case Instant:
		return instantAt(n.First, Timestamp), nil
	case Op:
		return c.operator(n)
	case Shape:
		return expr{}, bad("a geometry can only be an argument of a spatial operator such as s_intersects")
	case Interval:
		return expr{}, bad("an interval can only be an argument of a temporal operator such as t_intersects")
	}
	return expr{}, bad("a list stands where one value is expected")
}

var arithmetic = map[string]string{"+": "(%s + %s)", "-": "(%s - %s)", "*": "(%s * %s)", "/": "(CAST(%s AS DOUBLE) / %s)",
	"%": "(%s %% %s)", "div": "trunc(CAST(%s AS DOUBLE) / %s)", "^": "pow(%s, %s)"}

// operator compiles an operator or function.
func (c *compiler) operator(n Op) (expr, error) {
	switch n.Name {
	case "and", "or":
		return c.junction(n)
	case "not":
		if len(n.Args) != 1 {
			return expr{}, bad("not takes one condition")
		}
		e, err := c.condition(n.Args[0])
		return apply(Bool, "(NOT %s)", e), err
	case "=", "<>", "<", "<=", ">", ">=", "eq", "neq":
		return c.compare(n)
	case "between":
		return c.between(n)
	case "in":
		return c.in(n)
	case "like":
		return c.like(n)
	case "isnull":
		return c.isNull(n)
	case "casei", "accenti":
		return c.insensitive(n)
	}
	switch {
	case arithmetic[n.Name] != "":
		return c.calculate(n)
	case strings.HasPrefix(n.Name, "s_"):
		return c.spatial(n)
	case strings.HasPrefix(n.Name, "t_") || n.Name == "anyinteracts":
		return c.temporal(n)
	case strings.HasPrefix(n.Name, "a_"):
		return c.array(n)
	}
	return expr{}, bad("the function or operator %q is not known", shorten(n.Name))
}

func (c *compiler) junction(n Op) (expr, error) {
	if len(n.Args) == 0 {
		return expr{}, bad("%s has no condition", n.Name)
	}
	parts := make([]expr, len(n.Args))
	for i, arg := range n.Args {
		var err error
		if parts[i], err = c.condition(arg); err != nil {
			return expr{}, err
		}
	}
	word := " " + strings.ToUpper(n.Name) + " "
	return apply(Bool, "("+strings.Repeat("%s"+word, len(parts)-1)+"%s)", parts...), nil
}

func (c *compiler) calculate(n Op) (expr, error) {
	if n.Name == "-" && len(n.Args) == 1 {
		n.Args = []Node{Num{Integer: true}, n.Args[0]}
	}
	if len(n.Args) != 2 {
		return expr{}, bad("%q takes two numbers", n.Name)
	}
	var sides [2]expr
	for i, arg := range n.Args {
		var err error
		if sides[i], err = c.value(arg); err != nil {
			return expr{}, err
		}
		if sides[i].kind != Number {
			return expr{}, bad("%q takes numbers, not a %s", n.Name, sides[i].kind)
		}
	}
	// Integers are calculated as floating-point numbers, which do not overflow into an error.
	sides[0].sql, sides[1].sql = "CAST("+sides[0].sql+" AS DOUBLE)", "CAST("+sides[1].sql+" AS DOUBLE)"
	return apply(Number, strings.ReplaceAll(arithmetic[n.Name], "%%", "%"), sides[:]...), nil
}

func (c *compiler) isNull(n Op) (expr, error) {
	if len(n.Args) != 1 {
		return expr{}, bad("isNull takes one property")
	}
	if _, ok := n.Args[0].(Name); !ok {
		return expr{}, bad("isNull takes a property")
	}
	e, err := c.value(n.Args[0])
	return apply(Bool, "(%s IS NULL)", e), err
}

// insensitive compiles CASEI and ACCENTI, of one text or of a list of texts.
func (c *compiler) insensitive(n Op) (expr, error) {
	if len(n.Args) != 1 {
		return expr{}, bad("%s takes one text", n.Name)
	}
	e, err := c.value(n.Args[0])
	if err != nil {
		return expr{}, err
	}
	if e.kind != Text {
		return expr{}, bad("%s takes a text, not a %s", n.Name, e.kind)
	}
	if n.Name == "casei" {
		return apply(Text, "lower(%s)", e), nil
	}
	return apply(Text, "strip_accents(%s)", e), nil
}

func (c *compiler) like(n Op) (expr, error) {
	if len(n.Args) != 2 {
		return expr{}, bad("like takes a text and a pattern")
	}
	var sides [2]expr
	for i, arg := range n.Args {
		var err error
		if sides[i], err = c.value(arg); err != nil {
			return expr{}, err
		}
		if sides[i].kind != Text {
			return expr{}, bad("like takes texts, not a %s", sides[i].kind)
		}
	}
	return apply(Bool, `(%s LIKE %s ESCAPE '\')`, sides[:]...), nil
}

// spatial compiles a relation between a geometry property and a shape, in either order.
func (c *compiler) spatial(n Op) (expr, error) {
	if len(n.Args) != 2 {
		return expr{}, bad("%s takes two geometries", shorten(n.Name))
	}
	// What a relation is called when its arguments change places.
	mirror := map[string]string{"s_intersects": "s_intersects", "s_disjoint": "s_disjoint", "s_equals": "s_equals",
		"s_touches": "s_touches", "s_crosses": "s_crosses", "s_overlaps": "s_overlaps",
		"s_within": "s_contains", "s_contains": "s_within"}
	relation := n.Name
	if mirror[relation] == "" {
		return expr{}, bad("the spatial operator %q is not known", shorten(relation))
	}
	name, ok := n.Args[0].(Name)
	shape, isShape := n.Args[1].(Shape)
	if !ok {
		name, ok = n.Args[1].(Name)
		shape, isShape = n.Args[0].(Shape)
		relation = mirror[relation]
	}
	if !ok || !isShape {
		return expr{}, bad("%s takes a property and a geometry", n.Name)
	}
	p, err := c.source.Resolve(name.Text)
	if err != nil {
		return expr{}, err
	}
	if p.Type != Geometry {
		return expr{}, bad("%s takes a geometry, but %q is a %s", n.Name, name.Text, p.Type)
	}
	sql, args, err := c.source.Spatial(relation, p, shape.Geometry)
	return expr{sql, args, Bool}, err
}
