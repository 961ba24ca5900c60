// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Six-decimals token that anybody can mint: for tests and the in-process demo chain only.
contract TestToken is ERC20("Novation Test Dollar", "tUSD") {
    /// @notice Makes `amount` micro-units for `to` out of nothing.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Six, like the collateral that the vault accepts.
    function decimals() public pure virtual override returns (uint8) {
        return 6;
    }
}
