module example.org/logtail

go 1.19
