package main

import (
	"reflect"
	"testing"
	"time"

	"cogweave/core"
)

func TestDefaultConfigurationIsValid(t *testing.T) {
	c := defaultConfiguration()
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	if c.Threads != core.Processors() || c.MaxRequests < 1 || c.ConnectTimeout <= 0 {
		t.Fatalf("%+v", c)
	}
	if sum := c.mosaicMemory() + c.fetch().TileCacheBytes + c.fetch().HeaderCacheBytes + c.fetch().MaxBytesInFlight; sum > c.MemoryLimit {
		t.Fatalf("the parts take %d of %d bytes", sum, c.MemoryLimit)
	}
}

func TestConfigurationChanges(t *testing.T) {
	c := defaultConfiguration()
	same, err := c.changed(`{}`)
	if err != nil || !reflect.DeepEqual(same, c) {
		t.Fatalf("{} changed %+v to %+v (%v)", c, same, err)
	}
	next, err := c.changed(`{"threads": 3, "memory_limit": 134217728, "retries": 0, "connect_timeout": 1.5, "allow_hosts": ["minio"], "requests_per_second": 7.5, "max_requests": null}`)
	if err != nil {
		t.Fatal(err)
	}
	f := next.fetch()
	if next.Threads != 3 || f.Attempts != 1 || f.ConnectTimeout != 1500*time.Millisecond || f.Policy.AllowHosts[0] != "minio" ||
		f.RequestsPerSecond != 7.5 || f.MaxRequests != c.MaxRequests {
		t.Fatalf("%+v", f)
	}
	if next.TileCache > next.MemoryLimit/4 || next.mosaicMemory() <= 0 {
		t.Fatalf("tile cache %d, reads %d of %d bytes", next.TileCache, next.mosaicMemory(), next.MemoryLimit)
	}
	none, err := next.changed(`{"tile_cache": 0}`)
	if err != nil || none.fetch().TileCacheBytes >= 0 {
		t.Fatalf("tile_cache 0 gives %d (%v)", none.fetch().TileCacheBytes, err)
	}
	again, err := next.changed(`{"allow_hosts": []}`)
	if err != nil || len(again.AllowHosts) != 0 || len(next.AllowHosts) != 1 {
		t.Fatalf("%v, %v, %v", again.AllowHosts, next.AllowHosts, err)
	}
}

func TestNonsenseChangesNothing(t *testing.T) {
	process.Lock()
	before := current()
	process.Unlock()
	for _, request := range []string{
		`{"threads": 0}`, `{"threads": 1000000}`, `{"memory_limit": 1}`, `{"memory_limit": -5}`, `{"tile_cache": -1}`,
		`{"memory_limit": 100000000, "tile_cache": 100000000}`, `{"max_requests": 0}`, `{"max_requests_per_host": -1}`,
		`{"requests_per_second": -1}`, `{"retries": -1}`, `{"connect_timeout": 0}`, `{"stall_timeout": 1e9}`,
		`{"total_timeout": "soon"}`, `{"threads": 2.5}`, `{"lookahead": 0}`, `{"thread": 2}`, `{"threads": 2, "max_requests": 0}`,
	} {
		_, err := configure(request)
		if core.ClassOf(err) != core.InvalidArgument {
			t.Errorf("%s: %v", request, err)
		}
	}
	process.Lock()
	defer process.Unlock()
	if after := current(); !reflect.DeepEqual(before, after) {
		t.Fatalf("%+v became %+v", before, after)
	}
}

func TestGroupLimits(t *testing.T) {
	got := groupLimits("0::/user.slice/a\n7:cpu,memory:/docker/b\nnonsense\n")
	want := []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
		"/sys/fs/cgroup/user.slice/a/memory.max", "/sys/fs/cgroup/memory/docker/b/memory.limit_in_bytes"}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q", got)
	}
	if m := physicalMemory(); m < 1<<26 {
		t.Fatalf("physical memory %d bytes", m)
	}
	if n := processThreads(); n < 2 {
		t.Fatalf("%d threads", n)
	}
}
