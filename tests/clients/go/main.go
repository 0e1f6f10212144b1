// Drives a simulated account with Alibaba's first Go SDK, which signs with HMAC-SHA1 in the query.
//
// Usage: go run . ADDRESS KEY_ID SECRET
package main

import (
	"fmt"
	"os"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ram"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
)

const trust = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["ecs.aliyuncs.com"]}}]}`

func expect[T comparable](what string, got, wanted T) {
	if got != wanted {
		fmt.Fprintf(os.Stderr, "FAILED %s: got %v, expected %v\n", what, got, wanted)
		os.Exit(1)
	}
}

func must[T any](what string) func(T, error) T {
	return func(value T, err error) T {
		if err != nil {
			fmt.Fprintf(os.Stderr, "FAILED %s: %v\n", what, err)
			os.Exit(1)
		}
		return value
	}
}

func expectCode(what string, err error, code string, status int) {
	refused, ok := err.(sdkerrors.Error)
	expect(what+": refused", ok, true)
	expect(what+": code", refused.ErrorCode(), code)
	expect(what+": status", refused.HttpStatus(), status)
}

func onAddress(request requests.AcsRequest, address string) {
	request.SetDomain(address)
	request.SetScheme("http")
}

func listUsers(client *ram.Client, address string) (names []string) {
	marker := ""
	for {
		request := ram.CreateListUsersRequest()
		onAddress(request, address)
		request.MaxItems = requests.NewInteger(7)
		request.Marker = marker
		page := must[*ram.ListUsersResponse]("ListUsers")(client.ListUsers(request))
		for _, user := range page.Users.User {
			names = append(names, user.UserName)
		}
		if !page.IsTruncated {
			return names
		}
		marker = page.Marker
	}
}

func main() {
	address, keyID, secret := os.Args[1], os.Args[2], os.Args[3]
	client := must[*ram.Client]("client")(ram.NewClientWithAccessKey("cn-hangzhou", keyID, secret))
	before := len(listUsers(client, address))

	create := ram.CreateCreateUserRequest()
	onAddress(create, address)
	create.UserName = "go.sdk"
	create.DisplayName = "Zoë 张 & co * ~"
	created := must[*ram.CreateUserResponse]("CreateUser")(client.CreateUser(create))
	expect("display name survives", created.User.DisplayName, create.DisplayName)
	expect("one user more", len(listUsers(client, address)), before+1)
	_, err := client.CreateUser(create)
	expectCode("the same name again", err, "EntityAlreadyExists.User", 409)

	remove := ram.CreateDeleteUserRequest()
	onAddress(remove, address)
	remove.UserName = "go.sdk"
	must[*ram.DeleteUserResponse]("DeleteUser")(client.DeleteUser(remove))
	expect("as many users as before", len(listUsers(client, address)), before)

	assumeRole(client, address, keyID, secret)

	forger := must[*ram.Client]("client")(ram.NewClientWithAccessKey("cn-hangzhou", keyID, "wrong"))
	list := ram.CreateListUsersRequest()
	onAddress(list, address)
	_, err = forger.ListUsers(list)
	expectCode("a wrong secret", err, "IncompleteSignature", 400)
	// The SDK gives this advice only if the server signed the very string that the client signed.
	advice := err.(*sdkerrors.ServerError).Recommend()
	expect("a wrong secret: advice", advice, "InvalidAccessKeySecret: Please check you AccessKeySecret")
	fmt.Println("the official Go SDK (HMAC-SHA1) reads and writes the simulated account")
}

func assumeRole(client *ram.Client, address, keyID, secret string) {
	create := ram.CreateCreateRoleRequest()
	onAddress(create, address)
	create.RoleName = "GoSdk"
	create.AssumeRolePolicyDocument = trust
	role := must[*ram.CreateRoleResponse]("CreateRole")(client.CreateRole(create)).Role

	stsClient := must[*sts.Client]("client")(sts.NewClientWithAccessKey("cn-hangzhou", keyID, secret))
	assume := sts.CreateAssumeRoleRequest()
	onAddress(assume, address)
	assume.RoleArn = role.Arn
	assume.RoleSessionName = "by-the-sdk"
	issued := must[*sts.AssumeRoleResponse]("AssumeRole")(stsClient.AssumeRole(assume)).Credentials

	session := must[*sdk.Client]("client")(sdk.NewClientWithStsToken("cn-hangzhou", issued.AccessKeyId, issued.AccessKeySecret, issued.SecurityToken))
	identity := sts.CreateGetCallerIdentityRequest()
	onAddress(identity, address)
	answer := sts.CreateGetCallerIdentityResponse()
	must[any]("GetCallerIdentity")(nil, session.DoAction(identity, answer))
	expect("identity of the session", answer.IdentityType, "AssumedRoleUser")

	remove := ram.CreateDeleteRoleRequest()
	onAddress(remove, address)
	remove.RoleName = "GoSdk"
	must[*ram.DeleteRoleResponse]("DeleteRole")(client.DeleteRole(remove))
}
