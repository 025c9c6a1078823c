package core

import (
	"cmp"
	"slices"
)

// TimeStep is one position of the time axis: the items that are combined there.
type TimeStep struct {
	// Label is the start of the period, or the earliest item's datetime where a property or the id
	// groups the items; microseconds.
	Label int64
	// Group is the property's value or the item's id, or "" where time alone groups the items.
	Group string
	// Items are positions in the list of items, in the order in which the items combine.
	Items []int32
}

// GroupTimes puts every item into one time step. Steps are ordered by label, then by group; items
// inside a step keep their order. lon is the longitude in degrees of the grid's centroid, which solar
// days need. keys holds the grouping property's value of each item, parallel to items; it is read only
// where period.Property() is not empty.
func GroupTimes(items []Item, period Period, lon float64, keys []string) ([]TimeStep, error) {
	if period.kind == byProperty && len(keys) != len(items) {
		return nil, Errorf(InvalidArgument, "TimePeriod",
			"time_period %q: %d values for %d items", period.property, len(keys), len(items))
	}
	for i := range items {
		if items[i].Datetime == NoDatetime {
			e := Errorf(SearchError, "ItemError", "item has neither datetime nor start_datetime")
			e.ItemID = items[i].ID
			return nil, e
		}
		if !instantInRange(items[i].Datetime) {
			e := Errorf(SearchError, "ItemError", "item's datetime %s lies outside the years 1678 to 2261, which time axes hold",
				FormatInstant(items[i].Datetime))
			e.ItemID = items[i].ID
			return nil, e
		}
	}
	var steps []TimeStep
	var stepOf []int32 // the step of each item
	switch period.kind {
	case byID:
		steps, stepOf = stepPerItem(items)
	case byProperty:
		steps, stepOf = stepPerKey(items, keys)
	default:
		var err error
		if steps, stepOf, err = stepPerPeriod(items, period, lon); err != nil {
			return nil, err
		}
	}
	fillSteps(steps, stepOf)
	slices.SortStableFunc(steps, func(a, b TimeStep) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Group, b.Group))
	})
	return steps, nil
}

func stepPerPeriod(items []Item, period Period, lon float64) (steps []TimeStep, stepOf []int32, err error) {
	stepOf = make([]int32, len(items))
	known := map[int64]int32{}
	for i := range items {
		label := period.Start(items[i].Datetime, lon)
		step, ok := known[label]
		if !ok {
			if !labelInRange(label) {
				e := Errorf(InvalidArgument, "TimePeriod", "the time_period of item's datetime %s begins at %s, outside the years 1678 to 2261, which time axes hold",
					FormatInstant(items[i].Datetime), FormatInstant(label))
				e.ItemID = items[i].ID
				return nil, nil, e
			}
			step = int32(len(steps))
			known[label] = step
			steps = append(steps, TimeStep{Label: label})
		}
		stepOf[i] = step
	}
	return steps, stepOf, nil
}

func stepPerKey(items []Item, keys []string) (steps []TimeStep, stepOf []int32) {
	stepOf = make([]int32, len(items))
	known := map[string]int32{}
	for i := range items {
		step, ok := known[keys[i]]
		if !ok {
			step = int32(len(steps))
			known[keys[i]] = step
			steps = append(steps, TimeStep{Label: items[i].Datetime, Group: keys[i]})
		}
		steps[step].Label = min(steps[step].Label, items[i].Datetime)
		stepOf[i] = step
	}
	return steps, stepOf
}

// stepPerItem keeps items with equal ids apart: they are two items all the same.
func stepPerItem(items []Item) (steps []TimeStep, stepOf []int32) {
	steps = make([]TimeStep, len(items))
	stepOf = make([]int32, len(items))
	for i := range items {
		steps[i] = TimeStep{Label: items[i].Datetime, Group: items[i].ID}
		stepOf[i] = int32(i)
	}
	return steps, stepOf
}

// fillSteps deals the items out to their steps; the lists share one array.
func fillSteps(steps []TimeStep, stepOf []int32) {
	counts := make([]int, len(steps))
	for _, step := range stepOf {
		counts[step]++
	}
	pool := make([]int32, len(stepOf))
	for s := range steps {
		steps[s].Items, pool = pool[:0:counts[s]], pool[counts[s]:]
	}
	for i, step := range stepOf {
		steps[step].Items = append(steps[step].Items, int32(i))
	}
}
