module example.org/throttle

go 1.19
