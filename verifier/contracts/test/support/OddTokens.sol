// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TestToken} from "./TestToken.sol";

/// @title Keeps a hundredth of what moves.
contract FeeToken is TestToken {
    function _update(address from, address to, uint256 value) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : value / 100;
        super._update(from, to, value - fee);
        if (fee > 0) super._update(from, address(0), fee);
    }
}

/// @title Says that it moved, and did not.
contract LyingToken is TestToken {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }
}

/// @title Gives the receiver more than was sent.
contract GiftToken is TestToken {
    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        _mint(to, 1);
        return super.transferFrom(from, to, value);
    }
}

/// @title Says that it did not move.
contract RefusingToken is TestToken {
    function transfer(address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @title Moves, and answers nothing, like the oldest tokens.
contract SilentToken {
    uint8 public constant decimals = 6;
    mapping(address account => uint256) public balanceOf;

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function transfer(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
    }

    function transferFrom(address from, address to, uint256 value) external {
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// @title Calls whoever it is told to in the middle of a transfer, and passes on what that call reverts with.
contract ReentrantToken is TestToken {
    address private target;
    bytes private call;

    function arm(address to, bytes memory data) external {
        (target, call) = (to, data);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (target == address(0)) return;
        (bool ok, bytes memory answer) = target.call(call);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }
}

/// @title Counts in eighteen decimals.
contract FineToken is TestToken {
    function decimals() public pure override returns (uint8) {
        return 18;
    }
}
