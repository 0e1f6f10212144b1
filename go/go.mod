module x

go 1.26.8

require github.com/aliyun/alibaba-cloud-sdk-go v1.63.107 // indirect
