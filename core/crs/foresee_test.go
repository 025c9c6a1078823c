package crs

import (
	"testing"
	"time"
)

func TestZoneOfAPlace(t *testing.T) {
	box := func(west, south, east, north float64) [][2]float64 {
		return [][2]float64{{west, south}, {east, south}, {east, north}, {west, north}, {west, south}}
	}
	// EPSG guidance note 7-2: zone 1 begins at 180 degrees west, each is 6 degrees wide, from 80 S to 84 N.
	for _, c := range []struct {
		ring [][2]float64
		want string
	}{
		{box(9, 45, 9.5, 45.5), "EPSG:32632"},
		{box(-70, -33.5, -69.5, -33), "EPSG:32719"},
		{box(-180, 10, -179, 11), "EPSG:32601"},
		{box(179, 10, 180, 11), "EPSG:32660"},
		{box(179.5, 10, 180.7, 11), "EPSG:32601"}, // unrolled beyond 180
		{box(-181, 10, -180, 11), "EPSG:32660"},
		{box(10, 84.5, 11, 85.5), ""},
		{box(10, -85, 11, -84), ""},
		{box(0, 0, 7, 1), ""},
		{nil, ""},
	} {
		if got := zoneOf(c.ring); got != c.want {
			t.Errorf("%v: got %q, want %q", c.ring, got, c.want)
		}
	}
}

func made(key [2]string) bool {
	found, ok := transformers.Load(key)
	if !ok {
		return false
	}
	t := found.(*transformer)
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.idle) > 0
}

func TestForesee(t *testing.T) {
	Foresee("EPSG:3035", [][2]float64{{9, 45}, {9.5, 45}, {9.5, 45.5}, {9, 45}})
	for _, key := range [][2]string{{"EPSG:3035", "EPSG:32632"}, {"EPSG:32632", "EPSG:3035"}, {"EPSG:32632", "EPSG:4326"}} {
		for deadline := time.Now().Add(10 * time.Second); !made(key); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no transform from %s to %s was made", key[0], key[1])
			}
		}
	}
}
