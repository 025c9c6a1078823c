package cql2

// array compiles the operators on lists.
func (c *compiler) array(n Op) (expr, error) {
	templates := map[string]string{"a_contains": "list_has_all(%s, %s)", "a_containedby": "list_has_all(%s, %s)",
		"a_overlaps": "list_has_any(%s, %s)", "a_equals": "(%s = %s)"}
	template, ok := templates[n.Name]
	if !ok {
		return expr{}, bad("the array operator %q is not known", shorten(n.Name))
	}
	if len(n.Args) != 2 {
		return expr{}, bad("%s takes two lists", n.Name)
	}
	var sides [2]expr
	for i, arg := range n.Args {
		var err error
		if sides[i], err = c.list(arg, n.Name); err != nil {
			return expr{}, err
		}
	}
	if sides[0].kind != sides[1].kind {
		return expr{}, bad("%s takes two lists of one type, not a %s and a %s", n.Name, sides[0].kind, sides[1].kind)
	}
	if n.Name == "a_containedby" {
		sides[0], sides[1] = sides[1], sides[0]
	}
	return apply(Bool, template, sides[:]...), nil
}

// list compiles a list of literals as one parameter, or a property.
func (c *compiler) list(n Node, operator string) (expr, error) {
	literal, ok := n.(List)
	if !ok {
		if _, isName := n.(Name); !isName {
			literal = List{[]Node{n}}
		} else {
			e, err := c.value(n)
			switch {
			case err != nil:
				return expr{}, err
			case e.kind == NumberList:
				return apply(NumberList, "CAST(%s AS DOUBLE[])", e), nil
			case e.kind == TextList:
				return apply(TextList, "CAST(%s AS VARCHAR[])", e), nil
			}
			return expr{}, bad("%s takes lists, not a %s", operator, e.kind)
		}
	}
	texts, numbers := []string{}, []float64{}
	for _, item := range literal.Items {
		switch item := item.(type) {
		case String:
			texts = append(texts, item.Text)
		case Num:
			numbers = append(numbers, item.Value)
		default:
			return expr{}, bad("%s takes lists of texts or of numbers", operator)
		}
	}
	switch {
	case len(texts) > 0 && len(numbers) > 0:
		return expr{}, bad("%s takes lists of one type", operator)
	case len(numbers) > 0:
		return expr{"CAST(? AS DOUBLE[])", []any{numbers}, NumberList}, nil
	}
	return expr{"CAST(? AS VARCHAR[])", []any{texts}, TextList}, nil
}
